-- What is kept of a lane behind a number: for each message its channel, number, object, publisher and counter.
--
-- KEYS: the lane, the channels with a history.
-- ARGV: the beginning of the keys of histories, the number, how many messages at the most of each channel, and how many
--       channels at the most.
local found = {redis.call('HGET', KEYS[1], 'epoch') or ''}
for _, channel in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'LIMIT', 0, ARGV[4])) do
  for _, entry in ipairs(redis.call('XRANGE', ARGV[1] .. channel, '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])) do
    found[#found + 1] = {channel, entry[1], entry[2][2], entry[2][4], entry[2][6]}
  end
end
return found
