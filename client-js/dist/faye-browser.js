// Stands here until the built client does.
//# sourceMappingURL=faye-browser.js.map
