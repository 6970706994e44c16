-- Appends a batch of publications to a partition: assigns offsets, adds those with a history to it, and publishes the batch
-- to all subscribed instances, atomically. A repeated batch has no effect.
--
-- KEYS: the partition, the newest counter of the publisher, the Pub/Sub channel, the channels with a history.
-- ARGV: an epoch for a new partition, the newest offset that the publisher knows, the run_id of the master or nothing, the
--       lifetime of the partition, "keep" to extend it, the publisher, the counter of the first publication, the number of
--       publications, the encoded publications, the prefix of the keys of histories, the hash of the rules of the histories,
--       the version of the frame, and for each publication with a history: its place in the batch, its channel, its object, the maximum number of
--       messages, and the maximum age.
-- Returns the epoch, and the offset of the first publication. If Redis has the first publication already, the batch has no
-- effect, and the reply is the epoch, 0, the newest offset, and the newest counter of the publisher.
local ttl, counter, count = tonumber(ARGV[4]), tonumber(ARGV[7]), tonumber(ARGV[8])
local epoch, number, is_new = epoch_of(KEYS[1], KEYS[4], ARGV[1], tonumber(ARGV[2]), ARGV[3])
-- A batch that comes late, after a part of it was sent again, has no effect either.
local newest = tonumber(redis.call('GET', KEYS[2]) or '0')
if newest >= counter then
  return {epoch, '0', string.format('%.0f', number), string.format('%.0f', newest)}
end
-- What was kept by other rules is forgotten: publications in between may not be in a history. Without the list of channels, what
-- was kept is forgotten; behind the newest kept one there is nothing to forget.
local was = redis.call('HMGET', KEYS[1], 'rules', 'kept', 'forgotten')
if was[1] ~= ARGV[11] then
  redis.call('HSET', KEYS[1], 'rules', ARGV[11], 'forgotten', string.format('%.0f', number))
  redis.call('HDEL', KEYS[1], 'kept')
elseif was[2] and redis.call('EXISTS', KEYS[4]) == 0 then
  redis.call('HSET', KEYS[1], 'forgotten', string.format('%.0f', math.max(tonumber(was[2]), tonumber(was[3] or '0'))))
  redis.call('HDEL', KEYS[1], 'kept')
end
local first = number + 1
redis.call('HSET', KEYS[1], 'number', string.format('%.0f', number + count))
redis.call('SET', KEYS[2], string.format('%.0f', counter + count - 1), 'PX', ARGV[4])
local has_history = #ARGV > 12
if has_history then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for at = 13, #ARGV, 5 do
    local place, channel, age = tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 4])
    local stream = ARGV[10] .. channel
    local forgotten = redis.call('HGET', KEYS[1], 'forgotten') or '0'
    local previous = redis.call('ZSCORE', KEYS[4], channel) or forgotten
    if tonumber(previous) < tonumber(forgotten) then previous = forgotten end
    local entry = {'MAXLEN', ARGV[at + 3], string.format('%.0f-0', first + place), 'd', ARGV[at + 2],
      'o', ARGV[6], 'c', string.format('%.0f', counter + place), 'p', previous, 't', string.format('%.0f', now)}
    if redis.pcall('XADD', stream, unpack(entry)).err then
      -- The stream is of offsets that the partition and its index have lost.
      redis.call('DEL', stream)
      redis.call('XADD', stream, unpack(entry))
    end
    -- Removes two expired entries for each new one.
    for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', 2)) do
      if tonumber(entry[2][10]) < now - age then redis.call('XDEL', stream, entry[1]) end
    end
    redis.call('PEXPIRE', stream, age)
    redis.call('ZADD', KEYS[4], first + place, channel)
    redis.call('HSET', KEYS[1], 'kept', string.format('%.0f', first + place))
    ttl = math.max(ttl, age)
    for _, old in ipairs(redis.call('ZRANGE', KEYS[4], 0, 1)) do
      if redis.call('EXISTS', ARGV[10] .. old) == 0 then
        local forgotten = math.max(tonumber(redis.call('HGET', KEYS[1], 'forgotten') or '0'),
          tonumber(redis.call('ZSCORE', KEYS[4], old)))
        redis.call('HSET', KEYS[1], 'forgotten', string.format('%.0f', forgotten))
        redis.call('ZREM', KEYS[4], old)
      end
    end
  end
  if redis.call('PTTL', KEYS[4]) < ttl then redis.call('PEXPIRE', KEYS[4], ttl) end
end
if (is_new or has_history or ARGV[5] == 'keep') and redis.call('PTTL', KEYS[1]) < ttl then
  redis.call('PEXPIRE', KEYS[1], ttl)
end
number = string.format('%.0f', first)
redis.call('SPUBLISH', KEYS[3], ARGV[12] .. ' m ' .. epoch .. ' ' .. number .. '\n' .. ARGV[9])
return {epoch, number}
