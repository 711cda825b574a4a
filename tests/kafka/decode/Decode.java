import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.ResponseHeader;

/**
 * Reads a broker's answers, as the Go program beside this file wrote them down, with the classes of Kafka's own clients. An answer passes
 * if they read it to its last byte without a complaint (about a null, a length, a tag), if it holds no error a broker never means to
 * send, and if they would have written the same bytes. A line an API.
 *
 * <p>With the name of a file of error codes as its argument, it also compares the codes in each answer with those a real Kafka gave to the
 * same request; with --record it prints such a file instead.
 */
public final class Decode {
    /** Versions that are advertised and refused on purpose: KAFKA-18659. */
    private static boolean mayClose(ApiKeys api, short version) {
        return api == ApiKeys.PRODUCE && version < 3;
    }

    public static void main(String[] args) throws Exception {
        Map<ApiKeys, List<String>> bad = new LinkedHashMap<>();
        Map<ApiKeys, Integer> asked = new LinkedHashMap<>();
        boolean record = args.length == 1 && args[0].equals("--record");
        Map<String, String> kafkas = record ? Map.of() : codes(args[0]);
        Map<ApiKeys, List<String>> differ = new LinkedHashMap<>();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ");
            ApiKeys api = ApiKeys.forId(Integer.parseInt(words[0]));
            short version = Short.parseShort(words[1]);
            String what = "v" + version + " " + words[2] + ": ";
            bad.computeIfAbsent(api, k -> new ArrayList<>());
            if (words[3].equals("?")) {
                continue; // the asker does not know this version
            }
            asked.merge(api, 1, Integer::sum);
            if (words[3].equals("-")) {
                if (!mayClose(api, version)) {
                    bad.get(api).add(what + "the broker closed the connection");
                }
                continue;
            }
            if (words[3].equals("!")) {
                bad.get(api).add(what + "no answer");
                continue;
            }
            try {
                byte[] frame = HexFormat.of().parseHex(words[3]);
                String complaint = judge(api, version, frame);
                String found = codes(api, version, frame);
                String request = words[0] + " " + words[1] + " " + words[2];
                String kafka = kafkas.get(request);
                if (record) {
                    System.out.println(request + " " + found);
                } else if (kafka != null) {
                    differ.computeIfAbsent(api, k -> new ArrayList<>());
                    if (!kafka.equals(found)) {
                        differ.get(api).add(what + "Kafka answers " + kafka + ", this broker " + found);
                    }
                }
                if (complaint != null) {
                    bad.get(api).add(what + complaint);
                }
            } catch (Exception | AssertionError e) {
                bad.get(api).add(what + e);
            }
        }
        if (!record) {
            bad.forEach((api, complaints) -> report(api.name, complaints, asked.getOrDefault(api, 0)));
            differ.forEach((api, complaints) -> report("codes of " + api.name, complaints, asked.getOrDefault(api, 0)));
        }
    }

    private static void report(String what, List<String> complaints, int answers) {
        if (complaints.isEmpty()) {
            System.out.printf("OK   %s, %d answers%n", what, answers);
            return;
        }
        System.out.printf("FAIL %s: %s (%d of %d answers)%n", what, complaints.get(0), complaints.size(), answers);
        complaints.forEach(c -> System.out.println("     " + c));
    }

    /** The file's codes by request, "KEY VERSION SHAPE". */
    private static Map<String, String> codes(String file) throws IOException {
        Map<String, String> byRequest = new HashMap<>();
        for (String line : Files.readAllLines(Path.of(file))) {
            int space = line.lastIndexOf(' ');
            byRequest.put(line.substring(0, space), line.substring(space + 1));
        }
        return byRequest;
    }

    private static final Pattern CODE = Pattern.compile("[eE]rrorCode=(-?[0-9]+)");

    /** The names of the different error codes in an answer, with commas. */
    private static String codes(ApiKeys api, short version, byte[] frame) {
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        ResponseHeader.parse(buffer, api.responseHeaderVersion(version));
        TreeSet<String> names = new TreeSet<>();
        Matcher m = CODE.matcher(AbstractResponse.parseResponse(api, new ByteBufferAccessor(buffer), version).data().toString());
        while (m.find()) {
            names.add(Errors.forCode(Short.parseShort(m.group(1))).name());
        }
        return names.isEmpty() ? "-" : String.join(",", names);
    }

    private static String judge(ApiKeys api, short version, byte[] frame) {
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        ResponseHeader.parse(buffer, api.responseHeaderVersion(version));
        int start = buffer.position();
        AbstractResponse response = AbstractResponse.parseResponse(api, new ByteBufferAccessor(buffer), version);
        if (buffer.hasRemaining()) {
            return buffer.remaining() + " bytes are left over";
        }
        Set<Errors> found = response.errorCounts().keySet();
        if (found.contains(Errors.UNKNOWN_SERVER_ERROR)) {
            return "answers UNKNOWN_SERVER_ERROR: " + response;
        }
        ByteBuffer again = MessageUtil.toByteBufferAccessor(response.data(), version).buffer();
        ByteBuffer body = ByteBuffer.wrap(frame, start, frame.length - start);
        if (!again.equals(body)) {
            return body.remaining() + " bytes are read, and " + again.remaining() + " other ones would be written: " + response;
        }
        return null;
    }
}
