package io.berth.nfs;

import io.berth.fault.Fault;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;

/**
 * The name of an NFS server: a host name, an IPv4 address, or an IPv6 address without its brackets. Host names are in
 * small letters. See RFC 1123, section 2.1.
 */
public record NfsServer(String name) {
    private static final int LONGEST = 253;
    private static final Pattern HOST = Pattern.compile(
            "(?=[a-z0-9.-]{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*");
    private static final Pattern DOTTED = Pattern.compile("[0-9.]+");
    private static final String OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private static final Pattern IPV4 = Pattern.compile(OCTET + "(\\." + OCTET + "){3}");
    private static final Pattern GROUP = Pattern.compile("[0-9a-f]{1,4}");
    private static final int GROUPS = 8;

    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when it is none of the three
     */
    public NfsServer {
        if (!isHost(name) && !isIpv6(name)) {
            throw Fault.invalid(
                    "NFS server",
                    name,
                    "a host name in small letters of at most " + LONGEST
                            + " characters, an IPv4 address, or an IPv6 address such as fd00::5");
        }
    }

    private static boolean isHost(String text) {
        return DOTTED.matcher(text).matches()
                ? IPV4.matcher(text).matches()
                : HOST.matcher(text).matches();
    }

    /** Eight groups, of which one run may be left out. */
    private static boolean isIpv6(String text) {
        int gap = text.indexOf("::");
        if (gap < 0) {
            return groups(text) == GROUPS;
        }
        String before = text.substring(0, gap);
        String after = text.substring(gap + 2);
        int first = before.isEmpty() ? 0 : groups(before);
        int last = after.isEmpty() ? 0 : groups(after);
        return first >= 0 && last >= 0 && first + last < GROUPS;
    }

    /** How many groups there are, or -1 when one is none. */
    private static int groups(String text) {
        String[] groups = text.split(":", -1);
        for (String group : groups) {
            if (!GROUP.matcher(group).matches()) {
                return -1;
            }
        }
        return groups.length;
    }

    /** Whether both are one server as far as their names tell: an address may be spelled in several ways. */
    boolean isSame(NfsServer other) {
        return name.equals(other.name)
                || (isAddress() && other.isAddress() && address().equals(other.address()));
    }

    private boolean isAddress() {
        return !isHost(name) || DOTTED.matcher(name).matches();
    }

    /** Of a name that is an address; nobody is asked for it. */
    private InetAddress address() {
        try {
            return InetAddress.getByName(name);
        } catch (UnknownHostException e) {
            throw new IllegalStateException("no address: " + name, e);
        }
    }

    /** As it stands before the colon of an export: an IPv6 address in brackets. */
    @Override
    public String toString() {
        return name.indexOf(':') < 0 ? name : "[" + name + "]";
    }
}
