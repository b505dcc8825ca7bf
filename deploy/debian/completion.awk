# Makes a shell's completion of the options (see options.awk); -v shell=bash, zsh or fish, -v verbs="status top ...": the command's, and
# -v verb_options=FILE: a line "VERB:OPTION OPTION ..." for each of them.
function quote(text) {
    gsub(/'/, "'\\''", text)
    return "'" text "'"
}
# zsh: brackets and colons of an explanation are its own signs.
function zsh_text(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/\[/, "\\[", text)
    gsub(/\]/, "\\]", text)
    gsub(/:/, "\\:", text)
    return text
}
function add(list, word) { return list (list == "" ? "" : "|") word }
function cased(words,    list) {
    list = words
    gsub(/ /, "|", list)
    return list
}
# What a shell does for each verb: the case that sets its options.
function print_verb_options(indent, form,    line, at) {
    while ((getline line < verb_options) > 0) {
        at = index(line, ":")
        printf indent form "\n", substr(line, 1, at - 1), substr(line, at + 1)
    }
    close(verb_options)
}
# The names of vassals are those of the emperor that --socket names, as soon as it stands there.
function print_zsh_verbs() {
    print "#compdef emperor"
    print "local -a verbs=(" verbs ") options names socket"
    print "local -i i"
    print "if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then"
    print "    compadd -a verbs"
    print "    _files -g \"*.ini\""
    print "    return"
    print "fi"
    print "if (( CURRENT > 2 )) && (( ${verbs[(Ie)$words[2]]} )); then"
    print "    case $words[2] in"
    print_verb_options("    ", "%s) options=(%s) ;;")
    print "    esac"
    print "    for (( i = 3; i < CURRENT; i++ )); do"
    print "        case $words[i] in"
    print "        --socket) socket=(--socket \"${(Q)words[i+1]}\") ;;"
    print "        --socket=*) socket=(\"${(Q)words[i]}\") ;;"
    print "        esac"
    print "    done"
    print "    case $words[CURRENT-1] in"
    print "    --socket) _files; return ;;"
    print "    -n|--lines|--timeout) return 1 ;;"
    print "    esac"
    print "    if [[ $words[CURRENT] == -* ]]; then"
    print "        compadd -a options"
    print "        return"
    print "    fi"
    print "    case $words[2] in"
    print "    " cased(named) "|config)"
    print "        names=(\"${(@f)$(\"${(Q)words[1]}\" complete $socket 2>/dev/null)}\")"
    print "        compadd -- ${names:#} ;;"
    print "    help) compadd -a verbs ;;"
    print "    esac"
    print "    case $words[2] in"
    print "    check|config) _files -g \"*.ini\" ;;"
    print "    esac"
    print "    return"
    print "fi"
    print "_arguments -s \\"
}
function print_fish_verbs(    line, at, words, count, i) {
    while ((getline line < verb_options) > 0) {
        at = index(line, ":")
        count = split(substr(line, at + 1), words, " ")
        for (i = 1; i <= count; i++)
            print "complete -c emperor -n " quote("__fish_seen_subcommand_from " substr(line, 1, at - 1)) \
                (words[i] ~ /^--/ ? " -l " substr(words[i], 3) : " -s " substr(words[i], 2)) (words[i] == "--socket" ? " -r -F" : "")
    }
}
function print_bash_verbs() {
    print "    if [ \"$COMP_CWORD\" -gt 1 ] && [[ \" " verbs " \" == *\" ${COMP_WORDS[1]} \"* ]]; then"
    print "        local options= i"
    print "        local -a socket=()"
    print "        case ${COMP_WORDS[1]} in"
    print_verb_options("        ", "%s) options=\"%s\" ;;")
    print "        esac"
    print "        for ((i = 2; i < COMP_CWORD; i++)); do"
    print "            [ \"${COMP_WORDS[i]}\" = --socket ] || continue"
    print "            [ \"${COMP_WORDS[i + 1]}\" = = ] && ((i++))"
    print "            socket=(--socket \"${COMP_WORDS[i + 1]}\")"
    print "        done"
    print "        case $previous in"
    print "        --socket) mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;"
    print "        -n | --lines | --timeout) return ;;"
    print "        esac"
    print "        if [[ $word == -* ]]; then"
    print "            mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")"
    print "            return"
    print "        fi"
    print "        case ${COMP_WORDS[1]} in"
    print "        # Not through compgen -W, which would expand what stands in a name."
    print "        " cased(named) "|config)"
    print "            mapfile -t COMPREPLY < <(\"${COMP_WORDS[0]}\" complete ${socket[@]+\"${socket[@]}\"} -- \"$word\" 2>/dev/null)"
    print "            # Readline's own quoting of files leaves some signs as they are, and a vassal's name may hold any."
    print "            [ ${#COMPREPLY[@]} -eq 0 ] || mapfile -t COMPREPLY < <(printf '%q\\n' \"${COMPREPLY[@]}\")"
    print "            compopt +o filenames 2>/dev/null || :"
    print "            ;;"
    print "        help) mapfile -t COMPREPLY < <(compgen -W \"" verbs "\" -- \"$word\") ;;"
    print "        esac"
    print "        case ${COMP_WORDS[1]} in"
    print "        check | config) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -X '!*.ini' -- \"$word\"; compgen -d -- \"$word\") ;;"
    print "        esac"
    print "        return"
    print "    fi"
}
BEGIN {
    # Those that are followed by the names of vassals.
    named = "status explain start stop restart reload retry logs events"
    if (shell == "zsh")
        print_zsh_verbs()
}
{
    count = split($3, name, ",")
    kind = $4 ~ /^FILE/ ? "file" : $4 == "FOLDER" ? "folder" : $4 == "USER" ? "user" : $4 == "GROUP" ? "group" : $4 == "" ? "none" : $4 ~ /^\[/ ? "maybe" : "word"
    if ($2 != "" && shell == "bash")
        cases[kind] = add(cases[kind], "-" $2)
    for (i = 1; i <= count; i++) {
        words = words " --" name[i]
        cases[kind] = add(cases[kind], "--" name[i])
        if (shell == "fish") {
            line = "complete -c emperor -l " name[i] (i == 1 && $2 != "" ? " -s " $2 : "")
            if (kind == "user")
                line = line " -x -a '(__fish_complete_users)'"
            else if (kind == "group")
                line = line " -x -a '(__fish_complete_groups)'"
            else if (kind == "file" || kind == "folder")
                line = line " -r -F"
            else if (kind == "word")
                line = line " -x"
            print line " -d " quote($5)
        }
        if (shell == "zsh") {
            value = kind == "none" || kind == "maybe" ? "" : ":" zsh_text($4) ":" (kind == "file" ? "_files" : kind == "folder" ? "_files -/" : kind == "user" ? "_users" : kind == "group" ? "_groups" : " ")
            print "  " quote("*--" name[i] (value == "" ? "" : "=") "[" zsh_text($5) "]" value) " \\"
        }
    }
}
END {
    if (shell == "zsh")
        print "  '*:configuration:_files -g \"*.ini\"'"
    if (shell == "fish") {
        print "complete -c emperor -n __fish_use_subcommand -a " quote(verbs)
        print_fish_verbs()
        print "complete -c emperor -n " quote("__fish_seen_subcommand_from " named " config") " -x -a '(emperor complete -- (commandline -ct) 2>/dev/null)'"
    }
    if (shell != "bash")
        exit
    print "# bash completion for emperor"
    print "_emperor() {"
    print "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}"
    print "    # \"--option=value\" is three words to bash."
    print "    [ \"$previous\" = = ] && previous=${COMP_WORDS[COMP_CWORD - 2]}"
    print "    [ \"$word\" = = ] && word='' previous=${COMP_WORDS[COMP_CWORD - 1]}"
    print "    COMPREPLY=()"
    print_bash_verbs()
    print "    case $previous in"
    print "    " cases["folder"] ") mapfile -t COMPREPLY < <(compgen -d -- \"$word\") ;;"
    print "    " cases["file"] ") mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;"
    print "    " cases["user"] ") mapfile -t COMPREPLY < <(compgen -u -- \"$word\") ;;"
    print "    " cases["group"] ") mapfile -t COMPREPLY < <(compgen -g -- \"$word\") ;;"
    print "    " cases["word"] ") ;;"
    print "    *)"
    print "        case $word in"
    print "        -*) mapfile -t COMPREPLY < <(compgen -W '" substr(words, 2) "' -- \"$word\") ;;"
    print "        *) mapfile -t COMPREPLY < <([ \"$COMP_CWORD\" -gt 1 ] || compgen -W '" verbs "' -- \"$word\"; compgen -f -X '!*.ini' -- \"$word\"; compgen -d -- \"$word\") ;;"
    print "        esac"
    print "        ;;"
    print "    esac"
    print "}"
    print "complete -o filenames -F _emperor emperor"
}
