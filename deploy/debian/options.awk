# Reads the output of "emperor --help" and writes a line for each option: group, short letter, names, value, text; tabs between them, and
# commas between names.
function flush() {
    if (names != "")
        print group "\t" letter "\t" names "\t" value "\t" text
    names = ""
}
/^[A-Z].*:$/ { flush(); group = substr($0, 1, length($0) - 1); next }
/^  -/ {
    flush()
    letter = value = text = ""
    line = substr($0, 3)
    # At least two blanks stand before the text, and one within what is to its left.
    at = index(line, "  ")
    left = at ? substr(line, 1, at - 1) : line
    text = at ? substr(line, at) : ""
    sub(/^ +/, "", text)
    count = split(left, words, " ")
    for (i = 1; i <= count; i++) {
        word = words[i]
        sub(/,$/, "", word)
        if (word ~ /^-[^-]/)
            letter = substr(word, 2)
        else if (word ~ /^--/) {
            bracket = index(word, "[")
            if (bracket) {
                value = substr(word, bracket)
                word = substr(word, 1, bracket - 1)
            }
            names = names (names == "" ? "" : ",") substr(word, 3)
        } else
            value = word
    }
    next
}
names != "" && /^          / { sub(/^ +/, ""); text = text " " $0; next }
{ flush() }
END { flush() }
