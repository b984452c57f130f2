-- The scheduler writes the next generation of a crew.
-- KEYS  1 leader  2 job  3 crew  4 events  5 signals
-- ARGV  1 token  2 generation that is over  3 the next crew  4 event data
-- Returns 1, 0 when the generation or the job's state differ, -1 when another scheduler leads.
if not leads(KEYS[1], ARGV[1]) then return -1 end
if redis.call('HGET', KEYS[2], 'state') ~= 'running' then return 0 end
if (redis.call('HGET', KEYS[3], 'generation') or '0') ~= ARGV[2] then return 0 end
local crew = cjson.decode(ARGV[3])
crew.formed_at = now()
redis.call('HSET', KEYS[3], 'generation', crew.generation, 'document', cjson.encode(crew), 'broken', '')
event(KEYS[4], 'crew', ARGV[4])
signal(KEYS[5], 'generation')
return 1
