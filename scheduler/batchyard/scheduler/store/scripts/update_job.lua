-- The scheduler changes fields of a job that is in the state that it believes.
-- KEYS  1 leader  2 job  3 events
-- ARGV  1 token  2 expected state  3 event kind ('' for none)  4 event data  then field, value, …
-- Returns 1, 0 when the state differs, -1 when another scheduler leads.
if not leads(KEYS[1], ARGV[1]) then return -1 end
if redis.call('HGET', KEYS[2], 'state') ~= ARGV[2] then return 0 end
if #ARGV > 4 then redis.call('HSET', KEYS[2], unpack(ARGV, 5)) end
if ARGV[3] ~= '' then event(KEYS[3], ARGV[3], ARGV[4]) end
return 1
