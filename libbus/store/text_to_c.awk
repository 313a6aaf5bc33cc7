# A text file as the C array redis_lua[].
BEGIN { print "static const char redis_lua[] =" }
{
        gsub(/\\/, "\\\\")
        gsub(/"/, "\\\"")
        print "        \"" $0 "\\n\""
}
END { print "        ;" }
