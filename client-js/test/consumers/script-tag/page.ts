/**
 * A page that loads the script by a tag and has no modules.
 */

const faye: Faye.Client = new Faye.Client('/faye', { timeout: 30 });
Faye.logger = () => {};

function listen(): Faye.Subscription {
  return faye.subscribe('/news', (data: { text: string }) => data.text);
}

if (!Faye.VERSION || !Faye.Scheduler || !Faye.Error) throw new Error('the global Faye is not complete');
