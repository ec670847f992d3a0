package io.berth.command;

import io.berth.driver.Driver;
import io.berth.driver.Role;
import io.berth.fault.Fault;
import io.berth.logging.Logging;
import io.berth.settings.Setting;
import io.berth.settings.Settings;
import io.berth.systemd.ServiceNotifier;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Runs the driver until the process is told to end. */
final class ServeCommand implements Callable<Integer> {
    /** After the calls under way have had their time: closing what they used. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    private final Role role;
    private final Map<String, String> environment;
    private final List<Setting<?>> known;
    private final CommandSpec command = CommandSpec.wrapWithoutInspection(this);

    private ServeCommand(Role role, Map<String, String> environment) {
        this.role = role;
        this.environment = environment;
        this.known = role.hasCsi() ? Settings.FLAGS : Settings.FLAGS_WITHOUT_CSI;
    }

    /** The command of a role. */
    static CommandLine of(Role role, Map<String, String> environment) {
        ServeCommand serve = new ServeCommand(role, environment);
        CommandSpec command = serve.command;
        serve.known.forEach(setting -> command.addOption(serve.option(setting)));
        command.usageMessage()
                .header(role.meaning())
                .abbreviateSynopsis(true)
                .sortOptions(false)
                .description(
                        "",
                        "Settings are flags, BERTH_ variables (--max-calls is BERTH_MAX_CALLS) or keys of a YAML file"
                                + " (max-calls: 64). A flag wins over a variable, a variable over the file.")
                .footer(
                        "",
                        "Examples:",
                        "  berth " + role.command() + (role.hasCsi() ? " --node-id n1" : "")
                                + " --pool fast=local:/srv/fast",
                        "  berth " + role.command() + " --config /etc/berth/berth.yaml --log-format json");
        return new CommandLine(command);
    }

    private OptionSpec option(Setting<?> setting) {
        String standard = setting.standard()
                .filter(text -> !text.isEmpty())
                .map(text -> " Default: " + text + ".")
                .orElse(setting.required() ? " Must be given." : "");
        String repeated = setting.repeated() ? " May be given many times." : "";
        boolean isOnlySocket = setting.equals(Settings.DOCKER_SOCKET) && !role.hasCsi();
        OptionSpec.Builder option =
                OptionSpec.builder(setting.flag(), isOnlySocket ? new String[] {"--socket"} : new String[0]);
        setting.implied().ifPresent(text -> option.arity("0..1").fallbackValue(text));
        return option.paramLabel(setting.placeholder())
                .type(List.class)
                .auxiliaryTypes(String.class)
                .description((setting.meaning() + repeated + standard).replace("%", "%%"))
                .build();
    }

    @Override
    public Integer call() {
        Settings settings =
                role.hasCsi() ? Settings.read(flags(), environment) : Settings.readWithoutCsi(flags(), environment);
        switch (settings.logFormat()) {
            case TEXT -> Logging.textToStdout(settings.logLevel());
            case JSON -> Logging.jsonToStdout(settings.logLevel());
        }
        Logger log = LoggerFactory.getLogger(ServeCommand.class);
        ServiceNotifier notifier = new ServiceNotifier(environment);
        log.atInfo()
                .addKeyValue("version", Version.BERTH)
                .addKeyValue("role", role.command())
                .addKeyValue(
                        "node",
                        settings.csi().map(door -> door.nodeId().toString()).orElse(""))
                .log("starting");
        Driver driver = Driver.start(settings, role, Version.BERTH);
        notifier.ready();
        Termination.await(settings.stopTimeout().plus(GRACE), driver::announce, () -> stop(notifier, driver));
        return ExitCode.OK;
    }

    private static void stop(ServiceNotifier notifier, Driver driver) {
        try {
            notifier.stopping();
        } catch (Fault e) {
            LoggerFactory.getLogger(ServeCommand.class)
                    .warn("the service manager cannot be told of the stop: {}", e.getMessage());
        }
        driver.close();
    }

    private Map<String, List<String>> flags() {
        Map<String, List<String>> flags = new HashMap<>();
        known.forEach(setting -> {
            List<String> values =
                    command.commandLine().getParseResult().matchedOptionValue(setting.flag(), List.<String>of());
            if (!values.isEmpty()) {
                flags.put(setting.name(), values);
            }
        });
        return flags;
    }
}
