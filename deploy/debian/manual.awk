# Puts the options (see options.awk) into the man page, in the place of its line "@OPTIONS@".
function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    sub(/^[.']/, "\\\\\\&&", text)
    return text
}
function put_options(    line, field, group, count, name, i, head) {
    while ((getline line < options) > 0) {
        split(line, field, "\t")
        if (field[1] != group) {
            group = field[1]
            print ".SS " roff(group)
        }
        head = field[2] == "" ? "" : "\\fB\\-" roff(field[2]) "\\fR, "
        count = split(field[3], name, ",")
        for (i = 1; i <= count; i++)
            head = head (i > 1 ? ", " : "") "\\fB\\-\\-" roff(name[i]) "\\fR"
        if (field[4] ~ /^\[/)
            head = head roff(field[4])
        else if (field[4] != "")
            head = head " \\fI" roff(field[4]) "\\fR"
        print ".TP"
        print head
        print roff(field[5])
    }
}
/^@OPTIONS@$/ { put_options(); next }
{ gsub(/@VERSION@/, version); gsub(/@DATE@/, date); print }
