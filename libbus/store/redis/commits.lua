-- Goes on where streams.lua ends: both are one library.

-- ---- the commit ----

-- An entry of a journal holds as many records as one commit appends, up to so many bytes: who reads one
-- has to take all.
local ENTRY_MAX = 32768
-- What one call of a command is given at most.
local ARGS_MAX = 1000

-- One batch being planned: nothing is written before all of it is known to be good.
local function new_plan(prefix)
    return { prefix = prefix, streams = {}, order = {}, claims = {}, taken = {}, stands = {} }
end

local function stream_of(plan, name)
    local stream = plan.streams[name]
    if stream == nil then
        local h = redis.call('HMGET', plan.prefix .. 's:' .. name, 'kind', 'inc', 'first', 'last',
            'top')
        if not h[1] then
            return nil
        end
        stream = { name = name, derived = h[1] == '2', inc = h[2], first = h[3], last = h[4],
            top = h[5], place = tonumber(string.match(h[4], '%-(%d+)$')), entries = {}, pieces = {},
            size = 0 }
        plan.streams[name] = stream
        plan.order[#plan.order + 1] = stream
        for i = 2, 5 do
            plan.stands[#plan.stands + 1] = h[i]
        end
    end
    return stream
end

local function end_entry(stream)
    if stream.size > 0 then
        stream.entries[#stream.entries + 1] = { id = stream.last, predecessor = stream.before,
            top = stream.top_before, records = table.concat(stream.pieces) }
        stream.pieces = {}
        stream.size = 0
    end
end

-- COUNT records, of which TOP is the latest time; FROM and TO: the first's and the last's position in a
-- derived stream. Nil, or what is wrong with it.
local function add_records(stream, count, records, top, from, to)
    if stream.derived then
        if from == '' or not id_less(stream.last, from) then
            return 'a position that does not go forward'
        end
    elseif from ~= '' then
        return 'a position in a stream that gives them itself'
    end
    if stream.size + #records > ENTRY_MAX then
        end_entry(stream)
    end
    if stream.size == 0 then
        stream.before = stream.last
        stream.top_before = stream.top
    end
    stream.pieces[#stream.pieces + 1] = records
    stream.size = stream.size + #records
    if not stream.derived then
        from = stream.inc .. '-' .. whole(stream.place + 1)
        stream.place = stream.place + count
        to = stream.inc .. '-' .. whole(stream.place)
    end
    stream.first = stream.first == ZERO and from or stream.first
    stream.last = to
    if tonumber(top) > tonumber(stream.top) then
        stream.top = top
    end
    return nil
end

-- "EXPIRES POSITION VALUE", or nil.
local function claim_of(plan, name, key)
    local mine = plan.claims[name] and plan.claims[name].of[key]
    return mine or redis.call('HGET', plan.prefix .. 'c:' .. name, key)
end

local function claim_parts(text)
    local expires, position, at = string.match(text, '^(%d+) (%d+-%d+) ()')
    return tonumber(expires), position, string.sub(text, at)
end

local function put_claim(plan, name, key, value, expires, at, position)
    local text = expires .. ' ' .. position .. ' ' .. value
    local claims = plan.claims[name]
    if not claims then
        claims = { of = {}, texts = {}, ends = {} }
        plan.claims[name] = claims
    end
    claims.of[key] = text
    local n = #claims.texts
    claims.texts[n + 1], claims.texts[n + 2] = key, text
    claims.ends[n + 1], claims.ends[n + 2] = expires ~= '0' and expires or at, key
end

-- One record, if its claim is free. Nil, or what is wrong with it.
local function add_claimed(plan, stream, records, at, from, claim, value, expires)
    local taken = claim_of(plan, stream.name, claim)
    if taken then
        local ends, position, first = claim_parts(taken)
        if ends == 0 or ends > tonumber(at) then
            plan.taken[#plan.taken + 1] = { position, first }
            return nil
        end
    end
    local wrong = add_records(stream, 1, records, at, from, from)
    if not wrong then
        put_claim(plan, stream.name, claim, value, expires, at, stream.last)
        plan.taken[#plan.taken + 1] = ''
    end
    return wrong
end

-- The appends lie flat in ARGV from 3 on, what else there is behind them. What is wrong with them, or
-- nil and where the rest begins.
local function plan_appends(plan, argv)
    local at = 3
    while argv[at] == 'R' or argv[at] == 'A' do
        local stream = stream_of(plan, argv[at + 1])
        local wrong
        if not stream then
            return 'unknown stream'
        elseif argv[at] == 'R' then
            wrong = add_records(stream, tonumber(argv[at + 2]), argv[at + 3], argv[at + 4],
                argv[at + 5], argv[at + 6])
            at = at + 7
        else
            wrong = add_claimed(plan, stream, argv[at + 2], argv[at + 3], argv[at + 4],
                argv[at + 5], argv[at + 6], argv[at + 7])
            at = at + 8
        end
        if wrong then
            return wrong
        end
    end
    return nil, at
end

local function call_in_bites(verb, key, args)
    for i = 1, #args, ARGS_MAX do
        redis.call(verb, key, unpack(args, i, math.min(i + ARGS_MAX - 1, #args)))
    end
end

local function write_appends(plan)
    local prefix = plan.prefix
    for _, stream in ipairs(plan.order) do
        end_entry(stream)
        for _, entry in ipairs(stream.entries) do
            redis.call('XADD', prefix .. 'j:' .. stream.name, entry.id, 'r', entry.records, 'p',
                entry.predecessor, 'u', entry.top)
        end
        if #stream.entries > 0 then
            redis.call('HSET', prefix .. 's:' .. stream.name, 'first', stream.first, 'last',
                stream.last, 'top', stream.top)
        end
        local claims = plan.claims[stream.name]
        if claims then
            call_in_bites('HSET', prefix .. 'c:' .. stream.name, claims.texts)
            call_in_bites('ZADD', prefix .. 'x:' .. stream.name, claims.ends)
        end
    end
end

-- Their keys, in order.
local function order_keys(prefix, argv, from, to, step)
    local args = {}
    for i = from, to, step do
        args[#args + 1] = '0'
        args[#args + 1] = argv[i]
    end
    call_in_bites('ZADD', prefix .. 'o', args)
end

-- KIND COUNT WORD...: at most ARGS_MAX words each, no key twice.
local function write_state(prefix, argv, at)
    while at <= #argv do
        local kind, first, last = argv[at], at + 2, at + 1 + tonumber(argv[at + 1])
        if kind == 'P' then
            if redis.call('HSET', prefix .. 'k', unpack(argv, first, last)) > 0 then
                order_keys(prefix, argv, first, last, 2)
            end
        elseif kind == 'D' then
            if redis.call('HDEL', prefix .. 'k', unpack(argv, first, last)) > 0 then
                redis.call('ZREM', prefix .. 'o', unpack(argv, first, last))
            end
        else
            redis.call('HSET', prefix .. 'u', unpack(argv, first, last))
        end
        at = last + 1
    end
end

-- As denied(): what this commit needs. Which keys, opening and renewal have seen to.
local function denied_to_write(plan, argv, at)
    local uses = { HSET = 'meta' }
    for _, stream in ipairs(plan.order) do
        uses.XADD = 'j:' .. stream.name
        uses.ZADD = plan.claims[stream.name] and 'x:' .. stream.name or uses.ZADD
    end
    while at <= #argv do
        if argv[at] == 'P' then
            uses.ZADD = 'o'
        elseif argv[at] == 'D' then
            uses.HDEL, uses.ZREM = 'k', 'o'
        end
        at = at + 2 + tonumber(argv[at + 1])
    end
    for command, key in pairs(uses) do
        if not redis.acl_check_cmd(command, plan.prefix .. key) then
            return may_not(command, plan.prefix .. key)
        end
    end
    return nil
end

-- ARGV: token, the number of the last commit this process knows of; then appends:
-- R stream count records top first last | A stream record at position claim value expires
-- and then what else it changes: P count (key value)... | D count key... | U count (stream position)...
-- Answer: the number of this commit; of each stream incarnation, first and last position and
-- latest time before it, in the order in which they came; of each claim "", or who has it.
local function commit(keys, argv)
    local prefix = prefix_of(keys)
    local refused, n = fenced(prefix, argv[1])
    if refused then
        return refused
    end
    if n < tonumber(argv[2]) then
        return refuse('UMBRAREGRESSED', 'it has lost commits that it had acknowledged')
    end
    local plan = new_plan(prefix)
    local wrong, rest = plan_appends(plan, argv)
    if wrong then
        return refuse('UMBRAINVALID', wrong)
    end
    refused = denied_to_write(plan, argv, rest)
    if refused then
        return refused
    end
    write_appends(plan)
    write_state(prefix, argv, rest)
    redis.call('HSET', prefix .. 'meta', 'n', whole(n + 1))
    return { whole(n + 1), plan.stands, plan.taken }
end

-- ---- pruning ----

-- Entries looked at in one go.
local PRUNE_ENTRIES = 64

-- The records of an entry, oldest first: { position, time, predecessor }.
local function records_of(entry, derived)
    local fields = entry[2]
    if fields[1] == 't' then -- of before format 2: t b a u p, each behind its name
        return { { entry[1], tonumber(fields[6]), fields[10] } }
    end
    local text, records, at = fields[2], {}, 1
    while at <= #text do
        local body, topic, time, size = struct.unpack('<I4I2I8B', text, at)
        records[#records + 1] = { string.sub(text, at + 15, at + 14 + size), time }
        at = at + 16 + size + topic + body
    end
    local inc, place = split(entry[1])
    local before = fields[4]
    for i, record in ipairs(records) do
        if not derived then
            record[1] = inc .. '-' .. whole(tonumber(place) - #records + i)
        end
        record[3] = before
        before = record[1]
    end
    return records
end

-- The first record to stay, and its entry; how many go before it.
local function first_to_stay(prefix, name, before_us, count)
    local stream = redis.call('HMGET', prefix .. 's:' .. name, 'kind', 'first', 'last')
    local removed, from = 0, '-'
    while true do
        local entries = redis.call('XRANGE', prefix .. 'j:' .. name, from, '+', 'COUNT',
            PRUNE_ENTRIES)
        for _, entry in ipairs(entries) do
            for _, record in ipairs(records_of(entry, stream[1] == '2')) do
                if not id_less(record[1], stream[2]) then -- else it has gone already
                    if removed == count or record[2] >= before_us or record[1] == stream[3] then
                        return removed, record, entry[1]
                    end
                    removed = removed + 1
                end
            end
            from = '(' .. entry[1]
        end
        if #entries == 0 then
            return 0
        end
    end
end

-- How many went. An entry goes with its last record; until then "first" says what of it counts.
local function prune_records(prefix, name, before_us, count)
    local removed, record, entry = first_to_stay(prefix, name, before_us, count)
    if removed > 0 then
        redis.call('XTRIM', prefix .. 'j:' .. name, 'MINID', '=', entry)
        redis.call('HSET', prefix .. 's:' .. name, 'first', record[1], 'before', record[3])
    end
    return removed
end

local function prune_claims(prefix, name, before_us, count)
    local first = redis.call('HGET', prefix .. 's:' .. name, 'first')
    local ends, claims = prefix .. 'x:' .. name, prefix .. 'c:' .. name
    local removed, kept = 0, 0
    while removed < count and kept < 4096 do
        local due = redis.call('ZRANGEBYSCORE', ends, '-inf', '(' .. whole(before_us), 'LIMIT', kept,
            math.min(count - removed, 256))
        if #due == 0 then
            break
        end
        for _, key in ipairs(due) do
            local text = redis.call('HGET', claims, key)
            local expires, position
            if text then
                expires, position = claim_parts(text)
            end
            if not text or expires > 0 or id_less(position, first) then
                redis.call('HDEL', claims, key)
                redis.call('ZREM', ends, key)
                removed = removed + 1
            else
                kept = kept + 1
            end
        end
    end
    return removed
end

-- ARGV: token, name, before, count
local function prune(keys, argv)
    local prefix, count = prefix_of(keys), tonumber(argv[4])
    local refused = fenced(prefix, argv[1]) or denied(prefix, argv[2])
    if refused then
        return refused
    end
    local records = prune_records(prefix, argv[2], tonumber(argv[3]), count)
    local claims = prune_claims(prefix, argv[2], tonumber(argv[3]), count - records)
    local stream = redis.call('HMGET', prefix .. 's:' .. argv[2], 'first', 'before')
    return { whole(records + claims), stream[1], stream[2] }
end

-- ARGV: token
local function restored_done(keys, argv)
    local prefix = prefix_of(keys)
    local refused = fenced(prefix, argv[1])
    if refused then
        return refused
    end
    redis.call('HSET', prefix .. 'meta', 'restored', '0', 'regressed', '0')
    return 'OK'
end

-- ---- putting a whole store in place ----

-- ARGV: owner, lease in ms, fresh id. Everything goes but the counters; nobody may have it open.
local function load_begin(keys, argv)
    local prefix = prefix_of(keys)
    local refused = denied(prefix, ANY_STREAM)
    if refused then
        return refused
    end
    local now = now_ms()
    local meta = meta_of(prefix)
    local other = holder(prefix, argv[1], now) or drop_dead_replicas(prefix, now)
    if other then
        return refuse('UMBRABUSY', other .. ' 0')
    end
    local floor = tonumber(meta.floor or '0')
    for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'streams')) do
        floor = math.max(floor, tonumber(redis.call('HGET', prefix .. 's:' .. name, 'inc') or '0'))
        for _, kind in ipairs({ 's:', 'f:', 'j:', 'c:', 'x:' }) do
            redis.call('UNLINK', prefix .. kind .. name)
        end
    end
    redis.call('UNLINK', prefix .. 'streams', prefix .. 'k', prefix .. 'o', prefix .. 'u')
    if meta.id then
        redis.call('SADD', prefix .. 'former', meta.id)
    else
        create(prefix, argv[3], false)
    end
    local token = next_token(meta, now)
    redis.call('HSET', prefix .. 'meta', 'format', FORMAT, 'token', token, 'id', argv[3], 'loading', '1', 'owner',
        argv[1], 'till', whole(now + tonumber(argv[2])), 'floor', whole(floor), 'clean', '1')
    return token
end

-- ARGV: token, lease in ms, then flat: S name kind inc lost first last before top forks |
-- R stream position record top predecessor | C stream key text end | P key value | U name position
local LOAD_SIZES = { S = 10, R = 6, C = 5, P = 3, U = 3 }
local function load_put(keys, argv)
    local prefix = prefix_of(keys)
    local meta = redis.call('HMGET', prefix .. 'meta', 'token', 'loading')
    if not meta[2] or meta[1] ~= argv[1] then
        return refuse('UMBRAFENCED', 'another process has the lease')
    end
    redis.call('HSET', prefix .. 'meta', 'till', whole(now_ms() + tonumber(argv[2])))
    local at = 3
    while at <= #argv do
        local kind, a, b, c, d = argv[at], argv[at + 1], argv[at + 2], argv[at + 3], argv[at + 4]
        if not LOAD_SIZES[kind] then
            return refuse('UMBRAINVALID', 'unknown operation')
        elseif kind == 'S' then
            local key = prefix .. 's:' .. a
            redis.call('SADD', prefix .. 'streams', a)
            redis.call('HSET', key, 'kind', b, 'inc', c, 'first', argv[at + 5], 'last',
                argv[at + 6], 'before', argv[at + 7], 'top', argv[at + 8])
            if d ~= '' then
                redis.call('HSET', key, 'lost', d)
            end
            for fork in string.gmatch(argv[at + 9], '%d+ %d+%-%d+') do
                redis.call('RPUSH', prefix .. 'f:' .. a, fork)
            end
        elseif kind == 'R' then
            redis.call('XADD', prefix .. 'j:' .. a, b, 'r', c, 'p', argv[at + 5], 'u', d)
        elseif kind == 'C' then
            redis.call('HSET', prefix .. 'c:' .. a, b, c)
            redis.call('ZADD', prefix .. 'x:' .. a, d, b)
        elseif kind == 'P' then
            redis.call('HSET', prefix .. 'k', a, b)
            redis.call('ZADD', prefix .. 'o', 0, a)
        else
            redis.call('HSET', prefix .. 'u', a, b)
        end
        at = at + LOAD_SIZES[kind]
    end
    return 'OK'
end

-- ARGV: token, restored (1/0)
local function load_end(keys, argv)
    local prefix = prefix_of(keys)
    local meta = meta_of(prefix)
    if not meta.loading or meta.token ~= argv[1] then
        return refuse('UMBRAFENCED', 'another process has the lease')
    end
    redis.call('HDEL', prefix .. 'meta', 'loading')
    redis.call('HSET', prefix .. 'meta', 'restored', argv[2], 'regressed', '0', 'owner', '',
        'server', '')
    if argv[2] == '1' then
        mark_lost(prefix, 'restored', nil)
    end
    return 'OK'
end

-- While a library is loaded there is no pairs().
local function register(name, callback)
    redis.register_function('umbra_@_' .. name, callback)
end
register('open', open)
register('close', close)
register('renew', renew)
register('stream_open', stream_open)
register('stream_fork', stream_fork)
register('commit', commit)
register('prune', prune)
register('restored_done', restored_done)
register('load_begin', load_begin)
register('load_put', load_put)
register('load_end', load_end)
-- They write nothing, and go on where no more memory is.
local function register_reading(name, callback)
    redis.register_function({ function_name = 'umbra_@_' .. name, callback = callback,
        flags = { 'no-writes' } })
end
register_reading('stream_get', stream_get)
register_reading('cut', cut)
