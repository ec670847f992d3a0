import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.HashSet;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Makes the distribution's jar of Maven's jar of everything; the code of its classes is not changed. Names of local variables,
 * which debuggers alone read, are left out: the JVM would keep them in memory. Classes in the format of Java 5, such as
 * picocli's, are written in that of Java 8: else no AOT cache takes them, and the JVM's old and slow verifier checks them at
 * every start. Each library of the bill of materials gets its pom.properties, by which scanners know what is in a jar; many
 * libraries bring none. Run by the build as a source file, with Maven's jar on the class path, which holds ASM and Jackson too:
 * {@code java MakeJar.java FROM TO BILL}.
 */
final class MakeJar {
    public static void main(String[] arguments) throws IOException {
        try (InputStream in = Files.newInputStream(Path.of(arguments[0]));
                ZipInputStream from = new ZipInputStream(in);
                OutputStream out = Files.newOutputStream(Path.of(arguments[1]));
                ZipOutputStream to = new ZipOutputStream(out)) {
            LocalDateTime time = LocalDateTime.MIN;
            for (ZipEntry entry = from.getNextEntry(); entry != null; entry = from.getNextEntry()) {
                byte[] content = from.readAllBytes();
                time = entry.getTimeLocal();
                add(to, entry.getName(), time, entry.getName().endsWith(".class") ? rewritten(content) : content);
            }
            Set<String> named = new HashSet<>(); // a library may be of two jars
            for (JsonNode library : new JsonMapper().readTree(Files.readAllBytes(Path.of(arguments[2]))).get("components")) {
                if (named.add(library.get("group").asText() + ":" + library.get("name").asText())) {
                    addProperties(to, time, library);
                }
            }
        }
    }

    private static void add(ZipOutputStream to, String name, LocalDateTime time, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        entry.setTimeLocal(time);
        to.putNextEntry(entry);
        to.write(content);
        to.closeEntry();
    }

    private static void addProperties(ZipOutputStream to, LocalDateTime time, JsonNode library) throws IOException {
        String group = library.get("group").asText();
        String artifact = library.get("name").asText();
        String content = "groupId=" + group + "\nartifactId=" + artifact + "\nversion="
                + library.get("version").asText() + "\n";
        String name = "META-INF/maven/" + group + "/" + artifact + "/pom.properties";
        add(to, name, time, content.getBytes(StandardCharsets.UTF_8));
    }

    /** Whether a class file is of Java 5 or older. JVM specification, 4.1: a magic number, a minor and a major version. */
    private static boolean isOld(byte[] content) {
        return ByteBuffer.wrap(content).getShort(6) < Opcodes.V1_6;
    }

    private static byte[] rewritten(byte[] content) {
        boolean old = isOld(content);
        ClassWriter writer = new ClassWriter(old ? ClassWriter.COMPUTE_FRAMES : 0);
        new ClassReader(content).accept(new Rewriter(writer, old), old ? ClassReader.SKIP_FRAMES : 0);
        return writer.toByteArray();
    }

    private static final class Rewriter extends ClassVisitor {
        private final boolean old;

        Rewriter(ClassVisitor to, boolean old) {
            super(Opcodes.ASM9, to);
            this.old = old;
        }

        @Override
        public void visit(
                int version, int access, String name, String signature, String parent, String[] interfaces) {
            super.visit(old ? Opcodes.V1_8 : version, access, name, signature, parent, interfaces);
        }

        @Override
        public MethodVisitor visitMethod(
                int access, String name, String descriptor, String signature, String[] exceptions) {
            return new MethodVisitor(
                    Opcodes.ASM9, super.visitMethod(access, name, descriptor, signature, exceptions)) {
                @Override
                public void visitLocalVariable(
                        String variable, String type, String generic, Label from, Label to, int index) {}
            };
        }
    }
}
