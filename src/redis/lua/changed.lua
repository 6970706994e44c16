-- Returns the epoch, the base and the newest offset of a partition, the offset from which its histories are judged, and the
-- channels with a history whose newest message is after an offset.
--
-- KEYS: the partition, the channels with a history.
-- ARGV: the offset, the maximum number of channels.
local at = redis.call('HMGET', KEYS[1], 'epoch', 'base', 'number', 'forgotten', 'kept')
local number, judged = tonumber(at[3] or '-1'), math.max(tonumber(at[2] or '0'), tonumber(at[4] or '0'))
if at[5] and redis.call('EXISTS', KEYS[2]) == 0 then judged = math.max(judged, tonumber(at[5])) end
return {at[1] or '', at[2] or '0', string.format('%.0f', number), string.format('%.0f', judged),
  redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'LIMIT', 0, ARGV[2])}
