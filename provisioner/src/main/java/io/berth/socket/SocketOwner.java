package io.berth.socket;

import io.berth.fault.Fault;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whose a socket's file is, and so who may call by it, written {@code USER} or {@code USER:GROUP}.
 *
 * @param group empty: that of this process
 */
public record SocketOwner(UserPrincipal user, Optional<GroupPrincipal> group) {
    private static final String NAME = "[A-Za-z0-9_][A-Za-z0-9_.@-]{0,31}";
    private static final Pattern FORM = Pattern.compile("(?<user>" + NAME + ")(:(?<group>" + NAME + "))?");

    /**
     * Reads an owner.
     *
     * @throws Fault INVALID_ARGUMENT for another form, and for a name that this machine does not know
     */
    public static SocketOwner parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw Fault.invalid("owner", text, "USER or USER:GROUP, names or numbers");
        }
        UserPrincipalLookupService names = FileSystems.getDefault().getUserPrincipalLookupService();
        UserPrincipal user = find("user", text, matcher.group("user"), names::lookupPrincipalByName);
        return new SocketOwner(
                user,
                Optional.ofNullable(matcher.group("group"))
                        .map(group -> find("group", text, group, names::lookupPrincipalByGroupName)));
    }

    /** Knows names and takes numbers too. */
    private interface Lookup<T> {
        T find(String name) throws IOException;
    }

    private static <T> T find(String kind, String text, String name, Lookup<T> lookup) {
        try {
            return lookup.find(name);
        } catch (UserPrincipalNotFoundException e) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    Fault.invalid(
                                    "owner",
                                    text,
                                    "this machine has no " + kind + " " + name + "; a number needs no name")
                            .getMessage(),
                    e);
        } catch (IOException e) {
            throw new Fault(Fault.Kind.INVALID_ARGUMENT, "owner " + Fault.quote(text) + ": " + Fault.reason(e), e);
        }
    }
}
