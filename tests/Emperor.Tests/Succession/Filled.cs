using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Emperor.Tests.Succession;

/// <summary>
/// Makes values of any record in which nothing has its default, by what the record itself says it has: a property that is added later is in it.
/// And finds where two of them differ.
/// </summary>
internal sealed class Filled
{
    private int _number;

    /// <summary>One of a type.</summary>
    public T Of<T>() => (T)Of(typeof(T));

    /// <summary>
    /// Where two values differ, as paths; and where the first has a default, so that it would not be noticed that it was lost.
    /// </summary>
    /// <param name="first">What was written.</param>
    /// <param name="second">What was read.</param>
    /// <param name="isLeftOut">Whether a property is not there on purpose.</param>
    public static List<string> Differences(object first, object second, Func<PropertyInfo, bool> isLeftOut)
    {
        var found = new List<string>();
        Compare(first, second, first.GetType().Name, isLeftOut, found);
        return found;
    }

    private object Of(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } value)
            return Of(value);
        if (type == typeof(string))
            return $"text {++_number}: \"äöü\" \u0001 \U0001F451";
        if (type == typeof(bool))
            return true;
        if (type.IsEnum)
            return Enum.GetValues(type).Cast<object>().Last();
        if (type.IsPrimitive)
            return Convert.ChangeType(1 + (++_number % 100), type, System.Globalization.CultureInfo.InvariantCulture);
        if (type.IsArray)
            return ArrayOf(type.GetElementType()!);
        if (IsList(type, out var item))
            return type.GetGenericTypeDefinition() == typeof(ImmutableArray<>)
                ? typeof(ImmutableArray)
                    .GetMethods()
                    .First(m => m is { Name: "Create", IsGenericMethod: true } && IsOfArray(m))
                    .MakeGenericMethod(item)
                    .Invoke(null, [ArrayOf(item)])!
                : ArrayOf(item);
        return Made(type);
    }

    private static bool IsOfArray(MethodInfo method) => method.GetParameters() is [{ ParameterType.IsArray: true }];

    private static bool IsList(Type type, out Type item)
    {
        item = type.IsGenericType ? type.GetGenericArguments()[0] : typeof(object);
        return type.IsGenericType
            && type.GetGenericTypeDefinition() is var generic
            && (generic == typeof(IReadOnlyList<>) || generic == typeof(ImmutableArray<>));
    }

    private Array ArrayOf(Type item)
    {
        // One is enough of what is large.
        var array = Array.CreateInstance(item, item.IsPrimitive || item == typeof(string) ? 2 : 1);
        for (var i = 0; i < array.Length; i++)
            array.SetValue(Of(item), i);
        return array;
    }

    private object Made(Type type)
    {
        var constructor = type.GetConstructors()
            .Where(c => c.GetParameters().All(p => p.ParameterType != type))
            .MaxBy(c => c.GetParameters().Length);
        var made = constructor is null
            ? RuntimeHelpers.GetUninitializedObject(type)
            : constructor.Invoke([.. constructor.GetParameters().Select(p => Of(p.ParameterType))]);
        var named = constructor?.GetParameters().Select(p => p.Name).ToHashSet() ?? [];
        foreach (var property in Written(type).Where(p => !named.Contains(p.Name)))
            property.SetValue(made, Of(property.PropertyType));
        return made;
    }

    private static IEnumerable<PropertyInfo> Written(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.SetMethod is not null && p.GetIndexParameters().Length == 0);

    private static void Compare(object? first, object? second, string path, Func<PropertyInfo, bool> isLeftOut, List<string> found)
    {
        if (first is null || second is null)
        {
            found.Add($"{path} is {first ?? "null"} and {second ?? "null"}");
            return;
        }
        var type = first.GetType();
        if (type.IsPrimitive || type.IsEnum || type == typeof(string))
        {
            if (!first.Equals(second))
                found.Add($"{path} is {first} and {second}");
            else if (type.IsValueType && first.Equals(RuntimeHelpers.GetUninitializedObject(type)))
                found.Add($"{path} has its default");
            return;
        }
        if (first is IEnumerable items)
        {
            var (left, right) = (items.Cast<object?>().ToArray(), ((IEnumerable)second).Cast<object?>().ToArray());
            if (left.Length != right.Length || left.Length == 0)
                found.Add($"{path} has {left.Length} and {right.Length} items");
            foreach (var (i, (a, b)) in left.Zip(right).Index())
                Compare(a, b, $"{path}[{i}]", isLeftOut, found);
            return;
        }
        if (first is ITuple tuple && type.IsValueType)
        {
            for (var i = 0; i < tuple.Length; i++)
                Compare(tuple[i], ((ITuple)second)[i], $"{path}.{i}", isLeftOut, found);
            return;
        }
        foreach (var property in Written(type).Where(p => !isLeftOut(p)))
            Compare(property.GetValue(first), property.GetValue(second), $"{path}.{property.Name}", isLeftOut, found);
    }
}
