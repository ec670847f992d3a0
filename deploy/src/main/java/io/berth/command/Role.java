package io.berth.command;

import java.util.Locale;

/** Which CSI services a driver process offers. */
enum Role {
    SERVE("Run the whole driver: what a single machine, or every node of local disks, needs."),
    CONTROLLER("Run the driver's controller alone: volumes are made, listed and deleted."),
    NODE("Run the driver's node service alone: volumes are mounted for containers of this machine.");

    private final String meaning;

    Role(String meaning) {
        this.meaning = meaning;
    }

    /** The name of the command that runs it. */
    String command() {
        return name().toLowerCase(Locale.ROOT);
    }

    String meaning() {
        return meaning;
    }
}
