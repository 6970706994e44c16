-- Returns the epoch, the base and the newest offset of a partition, the offset from which its histories are judged, whether
-- nothing is missing in the history of a channel after an offset ("1") or not ("0"), whether more follows up to the last offset,
-- the offset up to which it was read, and the messages in between: identifier, object.
--
-- KEYS: the partition, the channels with a history, the history.
-- ARGV: the channel, the offset, the last offset, the maximum number of messages, about their maximum size in bytes, their
--       maximum age in milliseconds, and how many of the newest ones are wanted, or nothing for all.
local after, most, room, newest = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[7])
local at = redis.call('HMGET', KEYS[1], 'epoch', 'base', 'number', 'forgotten', 'kept')
local number, judged = tonumber(at[3] or '-1'), math.max(tonumber(at[2] or '0'), tonumber(at[4] or '0'))
if at[5] and redis.call('EXISTS', KEYS[2]) == 0 then judged = math.max(judged, tonumber(at[5])) end
local time = redis.call('TIME')
local earliest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[6])
local function is_old(entry) return tonumber(entry[2][10]) <= earliest end

local complete = after >= judged and after <= number
local first = redis.call('XRANGE', KEYS[3], '(' .. ARGV[2] .. '-0', '+', 'COUNT', 1)[1]
if first then
  complete = complete and not is_old(first) and tonumber(first[2][8]) <= after
else
  local last = redis.call('ZSCORE', KEYS[2], ARGV[1]) or '0'
  complete = complete and tonumber(last) <= after
end

local entries = {}
if newest then
  local found = redis.call('XREVRANGE', KEYS[3], ARGV[3] .. '-0', '(' .. ARGV[2] .. '-0', 'COUNT', newest)
  for i = #found, 1, -1 do entries[#entries + 1] = found[i] end
end
local reply = {at[1] or '', at[2] or '0', string.format('%.0f', number), string.format('%.0f', judged), '0', '0', ARGV[2]}
local count, examined, from = 0, 0, ARGV[2] .. '-0'
repeat
  if not newest and tonumber(ARGV[3]) > after then
    entries = redis.call('XRANGE', KEYS[3], '(' .. from, ARGV[3] .. '-0', 'COUNT', most + 1)
  end
  for _, entry in ipairs(entries) do
    if is_old(entry) then
      complete = false
    else
      room = room - #entry[2][2]
      if count >= most or (room < 0 and count > 0) then
        reply[6] = '1'
        break
      end
      count = count + 1
      reply[#reply + 1] = {entry[1], entry[2][2]}
    end
    from, examined = entry[1], examined + 1
  end
  -- Expired entries stay until others are appended. There may be many; the caller goes on behind them.
  local is_end = newest or #entries <= most
  if not is_end and examined >= 1000 then reply[6] = '1' end
until is_end or reply[6] == '1'
reply[5], reply[7] = complete and '1' or '0', string.match(from, '^%d+')
return reply
