-- What the redis engine does inside Redis: each function is one atomic step over the keys of one
-- service, all of which begin with the prefix of KEYS[1] ("umbra:SERVICE:meta"). The library and its
-- functions carry the hash of this text in their names (@), so programs of two versions never run
-- each other's.
--
-- Keys behind the prefix: meta (hash), streams (set of names), s:STREAM (hash: how it stands),
-- f:STREAM (list of forks), j:STREAM (the journal, a Redis Stream), c:STREAM (hash of claims),
-- x:STREAM (their ends, a sorted set), k (state), o (its keys in order), u (cursors), replicas (hash:
-- who has a shared store open, until when), former (ids this store had before it was put back).
--
-- A position is the id of a journal's entry, "INCARNATION-PLACE"; "0-0" is before the first. Numbers
-- beyond 2^53 stay texts. Refusals are errors whose first word reply.c knows.

-- 2: an entry of a journal holds the records of a commit (entry.c). Those of 1 are read as well.
local FORMAT = '2'
local ZERO = '0-0'
local FORKS_MAX = 16

local function prefix_of(keys)
    return string.sub(keys[1], 1, -5) -- without "meta"
end

local function refuse(word, text)
    return redis.error_reply(word .. ' ' .. (text or ''))
end

local function now_ms()
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function whole(number)
    return string.format('%.0f', number)
end

local function split(id)
    local incarnation, place = string.match(id, '^(%d+)-(%d+)$')
    return incarnation, place
end

-- Of two decimal texts without leading zeros.
local function digits_less(a, b)
    if #a ~= #b then
        return #a < #b
    end
    return a < b
end

local function id_less(a, b)
    local ai, ap = split(a)
    local bi, bp = split(b)
    if ai ~= bi then
        return digits_less(ai, bi)
    end
    return digits_less(ap, bp)
end

-- Nil, or why TOKEN may do nothing any more; and the number of the last commit. It is new with each lease;
-- all who share a store have the one there was: whoever has it alone in between ends theirs.
local function fenced(prefix, token)
    local meta = redis.call('HMGET', prefix .. 'meta', 'token', 'loading', 'id', 'n')
    if not meta[3] then
        return refuse('UMBRAGONE', 'the store is not there any more')
    end
    if meta[2] then
        return refuse('UMBRALOADING', 'a restore was cut short')
    end
    if token ~= meta[1] then
        return refuse('UMBRAFENCED', 'another process has the lease')
    end
    return nil, tonumber(meta[4])
end

-- ---- rights ----

-- What is done with which keys, by functions and by plain commands.
local RIGHTS = {
    { 'meta', 'EXISTS HDEL HGET HGETALL HMGET HSET' },
    { 'replicas', 'HDEL HGETALL HSET' },
    { 'former', 'SADD SISMEMBER' },
    { 'streams', 'SADD SMEMBERS UNLINK' },
    { 's:', 'HDEL HGET HMGET HSET UNLINK', true },
    { 'f:', 'LRANGE LTRIM RPUSH UNLINK', true },
    { 'j:', 'UNLINK XADD XRANGE XREVRANGE XTRIM', true },
    { 'c:', 'HDEL HGET HMGET HSET UNLINK', true },
    { 'x:', 'UNLINK ZADD ZRANGE ZRANGEBYSCORE ZREM', true },
    { 'k', 'HDEL HGET HGETALL HMGET HSET UNLINK' },
    { 'o', 'UNLINK ZADD ZRANGEBYLEX ZREM' },
    { 'u', 'HGET HGETALL HSET UNLINK' },
}

local function may_not(command, key)
    return refuse('UMBRADENIED', string.lower(command) .. ' on ' .. key)
end

-- Nil, or what of all this the user may not do, with the keys of the stream NAME. A function cannot take
-- back what it has done, so it is asked before anything is.
local function denied(prefix, name)
    if not redis.acl_check_cmd('TIME') then
        return refuse('UMBRADENIED', 'time')
    end
    for _, right in ipairs(RIGHTS) do
        local key = prefix .. right[1] .. (right[3] and name or '')
        for command in string.gmatch(right[2], '%u+') do
            if not redis.acl_check_cmd(command, key) then
                return may_not(command, key)
            end
        end
    end
    return nil
end

-- Before a stream is known.
local ANY_STREAM = 'signal'

-- ---- opening ----

local function mark_lost(prefix, reason, kind)
    for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'streams')) do
        local key = prefix .. 's:' .. name
        local stream = redis.call('HMGET', key, 'kind', 'lost')
        if stream[1] ~= '2' and (not kind or stream[1] == kind) and not stream[2] then
            redis.call('HSET', key, 'lost', reason)
        end
    end
end

local function drop_dead_replicas(prefix, now)
    local owners = redis.call('HGETALL', prefix .. 'replicas')
    local alive
    for i = 1, #owners, 2 do
        if tonumber(owners[i + 1]) <= now then
            redis.call('HDEL', prefix .. 'replicas', owners[i])
        else
            alive = alive or owners[i]
        end
    end
    return alive
end

-- Who holds it, other than OWNER: its name, and for how long still.
local function holder(prefix, owner, now)
    local meta = redis.call('HMGET', prefix .. 'meta', 'owner', 'till')
    if meta[1] and meta[1] ~= '' and meta[1] ~= owner and tonumber(meta[2]) > now then
        return meta[1], tonumber(meta[2]) - now
    end
    return nil, 0
end

-- A number by the clock, as an incarnation is, so that a Redis that was lost gives out no token again.
local function next_token(meta, now)
    return whole(math.max(tonumber(meta.token or '0') + 1, math.floor(now / 1000)))
end

-- How a store stands to what its process remembers of it: nil, or why it is not as it was.
local function compare_memory(prefix, meta, mark_id, mark_n, server)
    if mark_id ~= '' and mark_id ~= meta.id then
        if redis.call('SISMEMBER', prefix .. 'former', mark_id) == 0 then
            return 'regressed'
        end -- else it was put in the place of what is remembered
    elseif mark_id ~= '' and mark_n > tonumber(meta.n) then
        return 'regressed'
    end
    if server ~= '' and server ~= meta.server then
        return 'power_loss' -- it came back, or is another one: what it has not told anybody
    end
    return nil
end

local function create(prefix, fresh_id, had_mark)
    redis.call('HSET', prefix .. 'meta', 'format', FORMAT, 'id', fresh_id, 'n', '0', 'token', '0',
        'clean', '1', 'boot', '', 'restored', had_mark and '1' or '0', 'regressed',
        had_mark and '1' or '0', 'floor', '0', 'server', '')
end

local function meta_of(prefix)
    local flat = redis.call('HGETALL', prefix .. 'meta')
    local meta = {}
    for i = 1, #flat, 2 do
        meta[flat[i]] = flat[i + 1]
    end
    return meta
end

-- ARGV: owner, lease in ms, shared (1/0), boot, server, fresh id, remembered id, remembered n, whether
-- replicas are waited for (1/0)
local function open(keys, argv)
    local prefix = prefix_of(keys)
    local refused = denied(prefix, ANY_STREAM)
    if refused then
        return refused
    elseif argv[9] == '1' and not redis.acl_check_cmd('WAIT') then
        return refuse('UMBRADENIED', 'wait')
    end
    local owner, ttl, shared, boot, server = argv[1], tonumber(argv[2]), argv[3] == '1', argv[4], argv[5]
    local mark_id, mark_n = argv[7], tonumber(argv[8])
    local now = now_ms()
    local meta = meta_of(prefix)

    if not meta.id then
        create(prefix, argv[6], mark_id ~= '') -- remembered: there was one
        meta = meta_of(prefix)
        mark_id = ''
        redis.call('HSET', prefix .. 'meta', 'server', server)
        meta.server = server
    end
    if tonumber(meta.format) > tonumber(FORMAT) then
        return refuse('UMBRAFORMAT', meta.format)
    end
    if meta.loading then
        return refuse('UMBRALOADING', 'a restore was cut short: run it again')
    end
    local other, left = holder(prefix, owner, now)
    if other then
        return refuse('UMBRABUSY', other .. ' ' .. whole(left))
    end
    if not shared then
        local alive = drop_dead_replicas(prefix, now)
        if alive then
            return refuse('UMBRABUSY', alive .. ' 0')
        end
    end

    if meta.format ~= FORMAT then
        redis.call('HSET', prefix .. 'meta', 'format', FORMAT)
    end
    local lost = compare_memory(prefix, meta, mark_id, mark_n, server)
    if lost == 'regressed' then
        redis.call('HSET', prefix .. 'meta', 'restored', '1', 'regressed', '1')
    end
    if lost then
        mark_lost(prefix, lost, nil)
        redis.call('HSET', prefix .. 'meta', 'server', server)
    end
    local token = meta.token
    if not shared or (meta.owner or '') ~= '' then -- or who had it alone did not give it back
        token = next_token(meta, now)
        redis.call('HSET', prefix .. 'meta', 'token', token, 'owner', '')
    end
    if shared then
        redis.call('HSET', prefix .. 'replicas', owner, whole(now + ttl))
    else
        if meta.clean ~= '1' and (boot == '' or meta.boot ~= boot) then
            mark_lost(prefix, 'power_loss', '1')
        end
        redis.call('HSET', prefix .. 'meta', 'owner', owner, 'till', whole(now + ttl), 'clean', '0', 'boot',
            boot)
    end
    meta = meta_of(prefix)
    return { token, meta.id, meta.n, meta.restored, meta.regressed }
end

-- ARGV: token, owner, shared (1/0)
local function close(keys, argv)
    local prefix = prefix_of(keys)
    if argv[3] == '1' then
        redis.call('HDEL', prefix .. 'replicas', argv[2])
    elseif not fenced(prefix, argv[1]) then
        redis.call('HSET', prefix .. 'meta', 'owner', '', 'clean', '1')
    end
    return 'OK'
end

-- ARGV: token, owner, shared (1/0), lease in ms
local function renew(keys, argv)
    local prefix = prefix_of(keys)
    local refused = fenced(prefix, argv[1]) or denied(prefix, ANY_STREAM)
    if refused then
        return refused
    end
    local till = whole(now_ms() + tonumber(argv[4]))
    if argv[3] == '1' then
        redis.call('HSET', prefix .. 'replicas', argv[2], till)
    else
        redis.call('HSET', prefix .. 'meta', 'till', till)
    end
    return redis.call('HMGET', prefix .. 'meta', 'id', 'n', 'regressed')
end

-- ---- streams ----

local function describe(prefix, name)
    local key = prefix .. 's:' .. name
    local stream = redis.call('HMGET', key, 'kind', 'inc', 'first', 'last', 'before', 'top')
    if not stream[1] then
        return nil
    end
    stream[7] = redis.call('LRANGE', prefix .. 'f:' .. name, -FORKS_MAX, -1)
    return stream
end

local function begin_incarnation(prefix, name, above, clock_ms)
    local key = prefix .. 's:' .. name
    local stream = redis.call('HMGET', key, 'inc', 'last')
    local before = math.max(tonumber(stream[1]), tonumber(above),
        tonumber(redis.call('HGET', prefix .. 'meta', 'floor')))
    local incarnation = clock_ms > before and clock_ms or before + 1
    redis.call('HSET', key, 'inc', whole(incarnation))
    redis.call('RPUSH', prefix .. 'f:' .. name, whole(incarnation) .. ' ' .. stream[2])
    redis.call('LTRIM', prefix .. 'f:' .. name, -FORKS_MAX, -1)
    -- it counts as a commit: who has the store open as well, and numbers by itself, hears of it
    local n = whole(tonumber(redis.call('HGET', prefix .. 'meta', 'n')) + 1)
    redis.call('HSET', prefix .. 'meta', 'n', n)
    return n
end

-- ARGV: token, name, kind, clock in ms
local function stream_open(keys, argv)
    local prefix, name, kind = prefix_of(keys), argv[2], argv[3]
    local refused = fenced(prefix, argv[1]) or denied(prefix, name)
    if refused then
        return refused
    end
    local key = prefix .. 's:' .. name
    local stream = redis.call('HMGET', key, 'kind', 'lost', 'last')
    if stream[1] and stream[1] ~= kind then
        return refuse('UMBRAINVALID', 'it is of another kind')
    end
    local top = redis.call('XREVRANGE', prefix .. 'j:' .. name, '+', '-', 'COUNT', 1)[1]
    if (top and top[1] or ZERO) ~= (stream[3] or ZERO) then
        return refuse('UMBRATORN', 'half of a commit lies in it')
    end
    local reason = ''
    if not stream[1] then
        redis.call('SADD', prefix .. 'streams', name)
        redis.call('HSET', key, 'kind', kind, 'inc', '0', 'first', ZERO, 'last', ZERO, 'before',
            ZERO, 'top', '0')
        reason = kind == '2' and '' or 'created'
    elseif stream[2] then
        reason = stream[2]
        redis.call('HDEL', key, 'lost')
    end
    local n = ''
    if reason ~= '' and kind ~= '2' then
        n = begin_incarnation(prefix, name, '0', tonumber(argv[4]))
    end
    local answer = describe(prefix, name)
    answer[8] = n
    answer[9] = kind == '2' and '' or reason
    return answer
end

-- ARGV: token, name, above, clock in ms
local function stream_fork(keys, argv)
    local prefix, name = prefix_of(keys), argv[2]
    local refused = fenced(prefix, argv[1]) or denied(prefix, name)
    if refused then
        return refused
    end
    local n = begin_incarnation(prefix, name, argv[3], tonumber(argv[4]))
    local answer = describe(prefix, name)
    answer[8] = n
    return answer
end

-- ARGV: name
local function stream_get(keys, argv)
    return describe(prefix_of(keys), argv[1]) or refuse('UMBRAGONE', 'there is no such stream')
end

-- ARGV: with the state (1/0). How all streams and cursors stand at this instant; of a stream also why a new
-- incarnation has to begin, and its name.
local function cut(keys, argv)
    local prefix = prefix_of(keys)
    local streams = {}
    for i, name in ipairs(redis.call('SMEMBERS', prefix .. 'streams')) do
        local stream = describe(prefix, name)
        stream[8] = redis.call('HGET', prefix .. 's:' .. name, 'lost') or ''
        stream[9] = name
        streams[i] = stream
    end
    return { streams, redis.call('HGETALL', prefix .. 'u'),
        argv[1] == '1' and redis.call('HGETALL', prefix .. 'k') or {} }
end
