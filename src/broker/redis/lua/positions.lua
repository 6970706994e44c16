-- Notes how far an instance has come.
--
-- KEYS: where that stands. ARGV: for how long it is kept, and then each lane with its number.
for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
