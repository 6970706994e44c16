"use strict";
"use client";
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// react/index.ts
var react_exports = {};
__export(react_exports, {
  useClient: () => useClient,
  useConnection: () => useConnection,
  useSubscription: () => useSubscription
});
module.exports = __toCommonJS(react_exports);
var import_faye_client = require("faye-client");
var import_react = require("react");
function useClient(endpoint, options) {
  const address = String(endpoint);
  const make = () => ({ client: new import_faye_client.Client(onServer(address), options), address, holders: 0, ended: false });
  const [kept, keep] = (0, import_react.useState)(make);
  let held = kept;
  if (held.address !== address) keep(held = make());
  const newestMake = useNewest(make);
  (0, import_react.useEffect)(() => {
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
  const [error, setError] = (0, import_react.useState)(null);
  const newest = useNewest(listener);
  (0, import_react.useEffect)(() => {
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
  const subscribe = (0, import_react.useCallback)(
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
  return (0, import_react.useSyncExternalStore)(subscribe, () => remember(client), atFirst);
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
  const newest = (0, import_react.useRef)(value);
  (0, import_react.useInsertionEffect)(() => {
    newest.current = value;
  });
  return newest;
}
//# sourceMappingURL=react.cjs.map
