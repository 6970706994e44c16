// Shows the lifestream in the page that includes this script, where the script is:
// <script src="https://example.com/lifestream/embed.js" data-feed="blog" data-limit="10" async></script>
(() => {
  const script = document.currentScript;
  if (!script) return;
  const { feed, limit, height, title } = script.dataset;
  const url = new URL('embed', script.src);
  if (feed) url.searchParams.set('feed', feed);
  if (limit) url.searchParams.set('limit', limit);
  const frame = document.createElement('iframe');
  frame.src = url.href;
  frame.title = title || 'Lifestream';
  frame.width = '100%';
  frame.height = height || '600';
  frame.loading = 'lazy';
  frame.setAttribute('frameborder', '0');
  // In the head nothing is shown; the frame is then at the end of the body.
  if (script.closest('body')) script.after(frame);
  else addEventListener('DOMContentLoaded', () => document.body.append(frame));
})();
