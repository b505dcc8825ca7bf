using System.Text;

namespace Emperor.Core.Programs;

/// <summary>
/// A file of variables, read as systemd reads that of EnvironmentFile= (systemd.exec(5); src/basic/env-file.c, parse_env_file_internal): a
/// NAME=VALUE a line, comments begin with # or ;, values may be in single or double quotes and go on behind a line's end that follows a
/// backslash. Nothing is expanded.
/// </summary>
public static class EnvironmentFileText
{
    private enum State
    {
        BeforeName,
        Name,
        BeforeValue,
        Value,
        ValueEscape,
        SingleQuoted,
        DoubleQuoted,
        DoubleQuotedEscape,
        Comment,
        CommentEscape,
    }

    /// <summary>Reads a file's text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="refused">The names that are none (as systemd, such lines are left out).</param>
    /// <returns>The variables as NAME=VALUE, in their order; the last one of a name counts.</returns>
    public static IReadOnlyList<string> Read(string text, out IReadOnlyList<string> refused)
    {
        ArgumentNullException.ThrowIfNull(text);
        var reader = new Reader();
        foreach (var c in text)
            reader.Take(c);
        reader.End();
        refused = reader.Refused;
        return reader.Variables;
    }

    /// <summary>Whether a name is one that a shell takes too: letters, digits and underscores, no digit first.</summary>
    public static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || char.IsAsciiDigit(name[0]))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
                return false;
        }
        return true;
    }

    private sealed class Reader
    {
        private readonly StringBuilder _name = new();
        private readonly StringBuilder _value = new();

        // How much of the value is not blanks at its end that no quotes keep.
        private int _kept;
        private State _state = State.BeforeName;

        internal List<string> Variables { get; } = [];

        internal List<string> Refused { get; } = [];

        internal void Take(char c)
        {
            switch (_state)
            {
                case State.BeforeName when c is '#' or ';':
                    _state = State.Comment;
                    break;
                case State.BeforeName when !IsBlank(c):
                    _state = State.Name;
                    _name.Append(c);
                    break;
                case State.Name when IsEnd(c):
                    // A line without "=" is none.
                    Forget();
                    break;
                case State.Name when c == '=':
                    _state = State.BeforeValue;
                    break;
                case State.Name:
                    _name.Append(c);
                    break;
                case State.Comment when c == '\\':
                    _state = State.CommentEscape;
                    break;
                case State.Comment when IsEnd(c):
                    _state = State.BeforeName;
                    break;
                case State.CommentEscape:
                    _state = State.Comment;
                    break;
                default:
                    TakeValue(c);
                    break;
            }
        }

        internal void End()
        {
            if (_state is not (State.BeforeName or State.Name or State.Comment or State.CommentEscape))
                Push();
        }

        private void TakeValue(char c)
        {
            switch (_state)
            {
                case State.BeforeValue or State.Value when IsEnd(c):
                    Push();
                    break;
                case State.BeforeValue or State.Value when c == '\\':
                    _state = State.ValueEscape;
                    break;
                case State.BeforeValue when c is '\'' or '"':
                    _state = c == '"' ? State.DoubleQuoted : State.SingleQuoted;
                    break;
                case State.BeforeValue when IsBlank(c):
                    break;
                case State.BeforeValue or State.Value:
                    _state = State.Value;
                    _value.Append(c);
                    _kept = IsBlank(c) ? _kept : _value.Length;
                    break;
                case State.ValueEscape:
                    _state = State.Value;
                    if (!IsEnd(c))
                        Keep(c);
                    break;
                case State.SingleQuoted when c == '\'':
                case State.DoubleQuoted when c == '"':
                    _state = State.BeforeValue;
                    break;
                case State.DoubleQuoted when c == '\\':
                    _state = State.DoubleQuotedEscape;
                    break;
                case State.SingleQuoted or State.DoubleQuoted:
                    Keep(c);
                    break;
                case State.DoubleQuotedEscape:
                    _state = State.DoubleQuoted;
                    if (c is not ('"' or '\\' or '`' or '$' or '\n'))
                        Keep('\\');
                    if (c != '\n')
                        Keep(c);
                    break;
            }
        }

        private void Keep(char c)
        {
            _value.Append(c);
            _kept = _value.Length;
        }

        private void Push()
        {
            var name = _name.ToString().TrimEnd(' ', '\t');
            if (IsName(name))
                Variables.Add($"{name}={_value.ToString(0, _kept)}");
            else
                Refused.Add(name);
            Forget();
        }

        private void Forget()
        {
            _name.Clear();
            _value.Clear();
            _kept = 0;
            _state = State.BeforeName;
        }

        private static bool IsEnd(char c) => c is '\n' or '\r';

        private static bool IsBlank(char c) => c is ' ' or '\t' or '\n' or '\r';
    }
}
