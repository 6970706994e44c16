-- Returns whether the history of a channel is complete after an offset, and its messages after it.
--
-- KEYS: the partition, the channels with a history, the history.
-- ARGV: the channel, the offset, the maximum number of messages.
local since = tonumber(ARGV[2])
local entries = redis.call('XRANGE', KEYS[3], '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])
local complete
if #entries > 0 then
  complete = tonumber(entries[1][2][8]) <= since
else
  local last = redis.call('ZSCORE', KEYS[2], ARGV[1]) or redis.call('HGET', KEYS[1], 'forgotten') or '0'
  complete = tonumber(last) <= since
end
local found = {complete and '1' or '0'}
for _, entry in ipairs(entries) do
  found[#found + 1] = {entry[1], entry[2][2]}
end
return found
