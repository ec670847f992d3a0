package io.berth.driver;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What a driver process offers: which CSI services beside Identity, and whether Docker is served. */
public enum Role {
    SERVE(true, true, true, "Run the whole driver: what a single machine, or every node of local disks, needs."),
    CONTROLLER(true, false, false, "Run the driver's controller alone: volumes are made, listed and deleted."),
    NODE(false, true, true, "Run the driver's node service alone: volumes are mounted for containers of this machine."),
    DOCKER(false, false, true, "Run Docker's volume plugin alone, without CSI.");

    private final boolean controller;
    private final boolean node;
    private final boolean docker;
    private final String meaning;

    Role(boolean controller, boolean node, boolean docker, String meaning) {
        this.controller = controller;
        this.node = node;
        this.docker = docker;
        this.meaning = meaning;
    }

    boolean hasController() {
        return controller;
    }

    boolean hasNode() {
        return node;
    }

    boolean hasDocker() {
        return docker;
    }

    /** Whether CSI is served. */
    public boolean hasCsi() {
        return controller || node;
    }

    /** The name of the command that runs it. */
    public String command() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The role that a command of this name runs a driver in; empty when it runs none. */
    public static Optional<Role> ofCommand(String name) {
        return Arrays.stream(values())
                .filter(role -> role.command().equals(name))
                .findFirst();
    }

    /** What it is for, in one sentence. */
    public String meaning() {
        return meaning;
    }
}
