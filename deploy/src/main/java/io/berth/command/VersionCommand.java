package io.berth.command;

import io.berth.terminal.Json;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Says which Berth, Java runtime and machine these are. */
final class VersionCommand implements Callable<Integer> {
    private static final String JSON = "--json";

    private final PrintWriter out;
    private final CommandSpec command = CommandSpec.wrapWithoutInspection(this);

    private VersionCommand(PrintWriter out) {
        this.out = out;
    }

    static CommandLine of(PrintWriter out) {
        CommandSpec command = new VersionCommand(out).command;
        command.addOption(
                OptionSpec.builder(JSON).description("Print a JSON document.").build());
        command.usageMessage()
                .header("Show the version of Berth, of its Java runtime and the kind of machine.")
                .footer("", "Example: berth version --json");
        return new CommandLine(command);
    }

    @Override
    public Integer call() {
        String java = System.getProperty("java.runtime.version");
        String machine = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        if (command.commandLine().getParseResult().hasMatchedOption(JSON)) {
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
