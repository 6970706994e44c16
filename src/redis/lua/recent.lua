-- Returns the identifier of the oldest publication in a history, and the newest publications, newest first.
--
-- KEYS: the history.
-- ARGV: the offset after which publications are returned, their maximum number, age and size in bytes. The newest one may
--       be larger.
local since, most, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
local time = redis.call('TIME')
local earliest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[3])
local page = 64

-- Expired entries remain until others are appended.
local oldest, from = '', '-'
while oldest == '' do
  local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', page)
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    if tonumber(entry[2][10]) > earliest then
      oldest = entry[1]
      break
    end
  end
  from = '(' .. entries[#entries][1]
end

local found, to = {oldest}, '+'
while oldest ~= '' do
  local entries = redis.call('XREVRANGE', KEYS[1], to, oldest, 'COUNT', page)
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    local number = tonumber(string.match(entry[1], '^%d+'))
    room = room - #entry[2][2]
    if number <= since or most < 1 or (room < 0 and #found > 1) then return found end
    most = most - 1
    found[#found + 1] = {entry[1], entry[2][2], entry[2][10]}
  end
  to = '(' .. entries[#entries][1]
end
return found
