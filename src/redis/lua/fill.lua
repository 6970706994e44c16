-- Returns the epoch of a partition, the offset before the first one of the epoch, and the kept messages after an offset: channel, identifier, object, publisher, counter.
--
-- KEYS: the partition, the channels with a history.
-- ARGV: the prefix of the keys of histories, the offset, the maximum number of channels, and the approximate maximum size
--       in bytes.
local at = redis.call('HMGET', KEYS[1], 'epoch', 'base')
local found = {at[1] or '', at[2] or ''}
local bytes = 0
for _, channel in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])) do
  local after = '(' .. ARGV[2] .. '-0'
  -- In pages, since their size is unknown.
  while after and bytes < tonumber(ARGV[4]) do
    local entries = redis.call('XRANGE', ARGV[1] .. channel, after, '+', 'COUNT', 100)
    after = nil
    for _, entry in ipairs(entries) do
      found[#found + 1] = {channel, entry[1], entry[2][2], entry[2][4], entry[2][6]}
      bytes = bytes + #entry[2][2] + #channel + 100
      after = '(' .. entry[1]
    end
  end
end
return found
