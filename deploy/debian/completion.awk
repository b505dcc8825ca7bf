# Makes a shell's completion of the options (see options.awk); -v shell=bash, zsh or fish, -v verbs="status top ...": the command's.
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
BEGIN {
    if (shell == "zsh")
        print "#compdef emperor\n_arguments -s \\"
    # Those that are followed by the names of vassals.
    named = "status explain start stop restart reload retry logs events"
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
        print "complete -c emperor -n " quote("__fish_seen_subcommand_from " named) " -x -a '(emperor complete -- (commandline -ct) 2>/dev/null)'"
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
    print "    if [ \"$COMP_CWORD\" -gt 1 ] && [[ \" " named " \" == *\" ${COMP_WORDS[1]} \"* ]] && [[ $word != -* ]]; then"
    print "        # Not through compgen -W, which would expand what stands in a name."
    print "        mapfile -t COMPREPLY < <(\"${COMP_WORDS[0]}\" complete -- \"$word\" 2>/dev/null)"
    print "        return"
    print "    fi"
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
