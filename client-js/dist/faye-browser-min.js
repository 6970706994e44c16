// Stands here until the built client does.
//# sourceMappingURL=faye-browser-min.js.map
