-- What is kept of a lane behind a number: for each message its channel, number, object, publisher and counter.
--
-- KEYS: the lane, the channels with a history.
-- ARGV: the beginning of the keys of histories, the number, how many channels at the most, and how
--       many bytes about.
local found = {redis.call('HGET', KEYS[1], 'epoch') or ''}
local bytes = 0
for _, channel in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])) do
  local after = '(' .. ARGV[2] .. '-0'
  -- Some at a time: nobody knows how long they are.
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
