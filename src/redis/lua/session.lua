-- Writes or removes the record of a session, if the instance owns it by the given epoch. This is the fence.
--
-- KEYS: the session.
-- ARGV: the instance, its epoch, the lifetime of the record, "whole" to replace or create the record, the number of fields
--       to set, these fields with their values, and the fields to remove; or "end" in place of "whole" to remove the record.
-- Returns 1 if the record was written, 0 if the instance is fenced, -1 if there is no record.
local owner = redis.call('HMGET', KEYS[1], 'node', 'epoch', 'ended')
-- Redis had lost the record, and a late write of this instance has restored an older one. No other instance has claimed it.
if owner[1] == ARGV[1] and tonumber(owner[2]) < tonumber(ARGV[2]) then
  if ARGV[4] ~= 'whole' and ARGV[4] ~= 'end' then return -1 end
elseif owner[1] then
  if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 0 end
elseif owner[3] then
  return 0
elseif ARGV[4] ~= 'whole' then
  return -1
end
if ARGV[4] == 'end' then
  redis.call('DEL', KEYS[1])
  -- A previous owner that was frozen would take a missing record for one that Redis has lost, and write it again.
  if tonumber(ARGV[2]) > 1 then
    redis.call('HSET', KEYS[1], 'ended', '1')
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
  end
  return 1
end
if ARGV[4] == 'whole' then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'node', ARGV[1], 'epoch', ARGV[2])
end
local last = 5 + 2 * tonumber(ARGV[5])
for at = 6, last, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
for at = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[at]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
