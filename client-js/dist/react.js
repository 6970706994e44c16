"use client";

// react/index.ts
import { Client } from "faye-client";
import { useCallback, useEffect, useInsertionEffect, useRef, useState, useSyncExternalStore } from "react";
function useClient(endpoint, options) {
  const address = String(endpoint);
  const make = () => ({ client: new Client(onServer(address), options), address, holders: 0, ended: false });
  const [kept, keep] = useState(make);
  let held = kept;
  if (held.address !== address) keep(held = make());
  const newestMake = useNewest(make);
  useEffect(() => {
    if (held.ended) {
      keep(newestMake.current());
      return void 0;
    }
    held.holders += 1;
    return () => {
      held.holders -= 1;
      queueMicrotask(() => {
        if (held.holders > 0 || held.ended) return;
        held.ended = true;
        held.client.disconnect();
      });
    };
  }, [held, newestMake]);
  return held.client;
}
function onServer(address) {
  var _a;
  const isServer = typeof location === "undefined" && ((_a = globalThis.navigator) == null ? void 0 : _a.product) !== "ReactNative";
  return isServer && !/^\w+:/.test(address) ? new URL(address, "http://server.invalid").href : address;
}
function useSubscription(client, channel, listener) {
  const [error, setError] = useState(null);
  const newest = useNewest(listener);
  useEffect(() => {
    if (channel == null) return void 0;
    let active = true;
    const subscription = client.subscribe(channel);
    subscription.withChannel((from, data) => {
      if (active) newest.current(data, from);
    });
    subscription.then(void 0, (refusal) => {
      if (active) setError(refusal);
    });
    return () => {
      active = false;
      subscription.cancel();
      setError(null);
    };
  }, [client, channel, newest]);
  return error;
}
function useConnection(client) {
  const subscribe = useCallback(
    (changed) => {
      const heard = (event) => {
        remember(client, event.reason);
        changed();
      };
      client.on("connection", heard);
      client.on("transport:up", changed);
      return () => {
        client.removeListener("connection", heard);
        client.removeListener("transport:up", changed);
      };
    },
    [client]
  );
  return useSyncExternalStore(subscribe, () => remember(client), atFirst);
}
var UNCONNECTED = { state: "unconnected", reason: void 0, transport: void 0 };
var atFirst = () => UNCONNECTED;
var seen = /* @__PURE__ */ new WeakMap();
function remember(client, news) {
  var _a;
  const before = (_a = seen.get(client)) != null ? _a : UNCONNECTED;
  const { state, transport } = client;
  const reason = news != null ? news : state === before.state ? before.reason : void 0;
  if (state === before.state && transport === before.transport && reason === before.reason) return before;
  const now = { state, reason, transport };
  seen.set(client, now);
  return now;
}
function useNewest(value) {
  const newest = useRef(value);
  useInsertionEffect(() => {
    newest.current = value;
  });
  return newest;
}
export {
  useClient,
  useConnection,
  useSubscription
};
//# sourceMappingURL=react.js.map
