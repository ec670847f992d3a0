package io.berth.command;

import io.berth.terminal.Json;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Says which Berth, Java runtime and machine these are. */
@Command(
        name = "version",
        header = "Show the version of Berth, of its Java runtime and the kind of machine.",
        footer = {"", "Example: berth version --json"})
final class VersionCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this text.")
    @SuppressWarnings("unused") // picocli looks at the definition alone
    private boolean help;

    private final PrintWriter out;

    VersionCommand(PrintWriter out) {
        this.out = out;
    }

    @Override
    public Integer call() {
        String java = System.getProperty("java.runtime.version");
        String machine = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        if (json) {
            Map<String, String> versions = new LinkedHashMap<>();
            versions.put("berth", Version.BERTH);
            versions.put("java", java);
            versions.put("machine", machine);
            Json.print(versions, out);
        } else {
            out.println("berth " + Version.BERTH + " (Java " + java + ", " + machine + ")");
        }
        return ExitCode.OK;
    }
}
