package io.berth.settings;

import io.berth.fault.Fault;
import io.berth.fault.Nearest;
import io.berth.pool.PoolConfig;
import io.berth.volume.PoolName;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Brings together what flags, variables and the file say, and finds everything that is wrong with it. */
final class SettingsReader {
    private static final String PREFIX = "BERTH_";
    /** Read by the launcher, not by the driver. */
    private static final String JAVA_OPTIONS = "BERTH_JAVA_OPTS";

    /** A text, and where it was given. */
    private record Given(String source, String text) {}

    private final Map<String, List<String>> flags;
    private final Map<String, String> environment;
    /** Empty while it is looked up which file to read. */
    private Map<String, List<String>> file = Map.of();

    private final Set<String> problems = new LinkedHashSet<>();

    SettingsReader(Map<String, List<String>> flags, Map<String, String> environment) {
        this.flags = flags;
        this.environment = environment;
        this.file = file();
    }

    /**
     * Finds everything that is wrong.
     *
     * @param settings those whose values count now
     * @throws Fault INVALID_ARGUMENT with one line for each problem
     */
    void check(List<Setting<?>> settings) {
        checkVariableNames();
        checkFileKeys();
        for (Setting<?> setting : settings) {
            checkValues(setting);
        }
        if (!problems.isEmpty()) {
            throw Fault.ofLines(Fault.Kind.INVALID_ARGUMENT, problems);
        }
    }

    /** The value of a setting that has exactly one; only after {@link #check(List)}. */
    <T> T one(Setting<T> setting) {
        return all(setting).getFirst();
    }

    /** The values of a setting; only after {@link #check(List)}. */
    <T> List<T> all(Setting<T> setting) {
        return given(setting).stream()
                .map(given -> setting.reader().read(given.source(), given.text()))
                .toList();
    }

    private void checkVariableNames() {
        Set<String> known =
                Settings.FLAGS.stream().map(Setting::variable).collect(Collectors.toCollection(TreeSet::new));
        known.add(JAVA_OPTIONS);
        for (String name : new TreeSet<>(environment.keySet())) {
            if (name.startsWith(PREFIX) && !known.contains(name)) {
                problems.add(
                        "variable " + Fault.quote(name) + " is not known; the nearest is " + Nearest.to(name, known));
            }
        }
    }

    private void checkFileKeys() {
        Set<String> known =
                Settings.DEFINITIONS.stream().map(Setting::name).collect(Collectors.toCollection(TreeSet::new));
        for (String key : file.keySet()) {
            if (!known.contains(key)) {
                problems.add("key " + Fault.quote(key) + " in the file is not known; the nearest is "
                        + Nearest.to(key, known));
            }
        }
    }

    private void checkValues(Setting<?> setting) {
        List<Given> given = given(setting);
        if (setting.required() && given.isEmpty()) {
            problems.add(setting.name() + " is not set: give " + setting.flag() + " " + setting.placeholder()
                    + ", the variable " + setting.variable() + " or the key " + setting.name() + " in the file");
        }
        if (!setting.repeated() && given.size() > 1) {
            problems.add(given.getFirst().source() + " is given " + given.size() + " times; it has one value");
        }
        Set<PoolName> poolNames = new HashSet<>();
        for (Given each : given) {
            try {
                Object value = setting.reader().read(each.source(), each.text());
                if (value instanceof PoolConfig pool && !poolNames.add(pool.name())) {
                    problems.add(each.source() + ": two pools are named " + pool.name());
                }
            } catch (Fault e) {
                problems.add(e.getMessage());
            }
        }
    }

    /** What was given for a setting, in the first place that says anything; else its default. */
    private List<Given> given(Setting<?> setting) {
        List<String> byFlag = flags.getOrDefault(setting.name(), List.of());
        if (!byFlag.isEmpty()) {
            return from(setting.flag(), byFlag);
        }
        for (String variable : setting.variables()) {
            String text = environment.get(variable);
            if (text != null) {
                return from(variable, setting.repeated() ? split(text) : List.of(text));
            }
        }
        List<String> byFile = file.get(setting.name());
        if (byFile != null) {
            return from("key " + setting.name() + " in the file", byFile);
        }
        return from("default of " + setting.name(), setting.standard().stream().toList());
    }

    private static List<Given> from(String source, List<String> texts) {
        return texts.stream().map(text -> new Given(source, text)).toList();
    }

    private static List<String> split(String text) {
        return Arrays.stream(text.split("[;\n]"))
                .map(String::strip)
                .filter(part -> !part.isEmpty())
                .toList();
    }

    private Map<String, List<String>> file() {
        Setting<Path> config = Settings.CONFIG;
        Given given = given(config).getFirst();
        if (given.text().isEmpty()) {
            return Map.of();
        }
        try {
            return SettingsFile.read(config.reader().read(given.source(), given.text()));
        } catch (Fault e) {
            problems.add(e.getMessage());
            return Map.of();
        }
    }
}
