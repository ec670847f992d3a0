package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A template of a volume's path: {@code subDir} as csi-driver-nfs users write it, {@code pathPattern} as users of
 * nfs-subdir-external-provisioner and of local-path-provisioner do. The values come from the metadata that
 * external-provisioner adds with {@code --extra-create-metadata}.
 */
public final class PathTemplate {
    /** The key of the claim's name in the parameters of a CreateVolume call. */
    public static final String PVC_NAME = "csi.storage.k8s.io/pvc/name";

    public static final String PVC_NAMESPACE = "csi.storage.k8s.io/pvc/namespace";
    public static final String PV_NAME = "csi.storage.k8s.io/pv/name";

    /** Within {@code ${}}. */
    private static final Map<String, String> VARIABLES = Map.of(
            "pvc.metadata.name", PVC_NAME,
            "pvc.metadata.namespace", PVC_NAMESPACE,
            "pv.metadata.name", PV_NAME,
            ".PVC.name", PVC_NAME,
            ".PVC.namespace", PVC_NAMESPACE);

    /** Within {@code {{}}}, the syntax of local-path-provisioner. */
    private static final Map<String, String> FIELDS = Map.of(
            ".PVC.Name", PVC_NAME,
            ".PVC.Namespace", PVC_NAMESPACE,
            ".PVName", PV_NAME);

    private static final String KNOWN =
            "known are ${pvc.metadata.name}, ${pvc.metadata.namespace}, ${pv.metadata.name},"
                    + " ${.PVC.name}, ${.PVC.namespace}, {{ .PVC.Name }}, {{ .PVC.Namespace }} and {{ .PVName }}"
                    + " (labels and annotations of a claim are not told to a CSI driver)";

    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]*)}|\\{\\{([^}]*)}}");
    /**
     * What is a variable elsewhere, in a shell, in a manifest or half of one here: as the name of a folder it would be the
     * same for every claim.
     */
    private static final Pattern MISTAKEN = Pattern.compile("\\$[A-Za-z_({].*|\\{[A-Za-z.{].*|}}.*");

    private static final String FIELD_SYNTAX = "{{";
    private static final int MAX_LENGTH = 1024;

    private PathTemplate() {}

    /** Whether the template is written as for local-path-provisioner. */
    static boolean isOfLocalPath(String template) {
        return template.contains(FIELD_SYNTAX);
    }

    /**
     * Fills in a template. Slashes before, after and beside others are left out, as those provisioners do.
     *
     * @param field the parameter it came in, for messages
     * @throws Fault INVALID_ARGUMENT for an unknown variable, one whose value is missing or is not one plain path
     *     component, or a result that is no volume path
     */
    public static VolumePath expand(String field, String template, Map<String, String> metadata) {
        if (template.length() > MAX_LENGTH) {
            throw Fault.invalid(field, template, "a template has at most " + MAX_LENGTH + " characters");
        }
        Matcher matcher = VARIABLE.matcher(template);
        StringBuilder out = new StringBuilder();
        int end = 0;
        while (matcher.find()) {
            out.append(literal(field, template, template.substring(end, matcher.start())));
            out.append(value(field, template, matcher, metadata));
            end = matcher.end();
        }
        out.append(literal(field, template, template.substring(end)));
        try {
            return VolumePath.ofLoose(out.toString());
        } catch (Fault e) {
            throw Fault.invalid(
                    field, template, "gives the path " + Fault.quote(out.toString()) + ": " + e.getMessage());
        }
    }

    /** Text between variables, which must not look like one. */
    private static String literal(String field, String template, String text) {
        Matcher mistaken = MISTAKEN.matcher(text);
        if (mistaken.find()) {
            throw Fault.invalid(field, template, "unknown variable at " + Fault.quote(mistaken.group()) + "; " + KNOWN);
        }
        return text;
    }

    private static String value(String field, String template, Matcher variable, Map<String, String> metadata) {
        String name = variable.group(1);
        String key = name != null
                ? VARIABLES.get(name)
                : FIELDS.get(variable.group(2).strip());
        if (key == null) {
            throw Fault.invalid(field, template, "unknown variable " + Fault.quote(variable.group()) + "; " + KNOWN);
        }
        String value = metadata.get(key);
        if (value == null) {
            throw Fault.invalid(
                    field,
                    template,
                    "needs the parameter " + key + ", which external-provisioner adds with --extra-create-metadata");
        }
        VolumePath.problem(value).ifPresent(rule -> {
            throw Fault.invalid(field, template, key + " is " + Fault.quote(value) + ": " + rule);
        });
        return value;
    }
}
