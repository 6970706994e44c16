-- Makes a session another instance's, unless it has changed hands since it was read.
--
-- KEYS: the session.
-- ARGV: its epoch when it was read, the new instance, for how long it is kept.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'epoch', tostring(tonumber(ARGV[1]) + 1))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
