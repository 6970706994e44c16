-- Returns the epoch of a partition, the offset before the first one of the epoch, the newest offset, and the kept messages
-- after an offset: channel, identifier, object, publisher, counter.
--
-- KEYS: the partition, the channels with a history.
-- ARGV: the prefix of the keys of histories, the offset, the maximum number of channels, the approximate maximum size in
--       bytes, and the epoch of the offset or nothing.
local since = tonumber(ARGV[2])
local at = redis.call('HMGET', KEYS[1], 'epoch', 'base', 'number', 'past')
local current = (at[1] or '') .. ' ' .. (at[2] or '') .. ' ' .. (at[3] or '') .. '\n'
-- The offsets of an epoch that began without the knowledge of the caller may be below its own. What has followed the epoch of
-- the caller begins at the base of the next one, or, if its epoch is not known here, at the first base.
local from = since
for epoch, base, number in string.gmatch(current .. (at[4] or ''), '(%x+) (%d+) (%d+)\n') do
  base, number = tonumber(base), tonumber(number)
  if ARGV[5] == epoch or ARGV[5] == '' and since >= base and since <= number then
    break
  end
  from = math.min(from, base)
end
local found = {at[1] or '', at[2] or '', at[3] or ''}
local bytes = 0
from = string.format('%.0f', from)
for _, channel in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. from, '+inf', 'LIMIT', 0, ARGV[3])) do
  local after = '(' .. from .. '-0'
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
