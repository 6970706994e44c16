-- Writes what is known of a session, if it belongs to who writes: the fence between two instances.
--
-- KEYS: the session.
-- ARGV: the instance, its epoch of the session, for how long it is kept, "whole" if everything is written and it may not be there yet, how many
--       fields are set, the fields with their values, and then the fields that are taken away; or only "end".
-- Gives 1 if it was written, 0 if it is somebody else's, -1 if there is no such session.
local owner = redis.call('HMGET', KEYS[1], 'node', 'epoch')
if owner[1] then
  if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 0 end
elseif ARGV[4] ~= 'whole' then
  return -1
end
if ARGV[4] == 'end' then return redis.call('DEL', KEYS[1]) end
if ARGV[4] == 'whole' then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'node', ARGV[1], 'epoch', ARGV[2])
end
local last = 5 + 2 * tonumber(ARGV[5])
for at = 6, last, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
for at = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[at]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
