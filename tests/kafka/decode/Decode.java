import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
 */
public final class Decode {
    /** Versions that are advertised and refused on purpose: KAFKA-18659. */
    private static boolean mayClose(ApiKeys api, short version) {
        return api == ApiKeys.PRODUCE && version < 3;
    }

    public static void main(String[] args) throws Exception {
        Map<ApiKeys, List<String>> bad = new LinkedHashMap<>();
        Map<ApiKeys, Integer> asked = new LinkedHashMap<>();
        Map<ApiKeys, Integer> errors = new LinkedHashMap<>();
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
                String complaint = judge(api, version, HexFormat.of().parseHex(words[3]));
                if (complaint != null) {
                    bad.get(api).add(what + complaint);
                }
            } catch (Exception | AssertionError e) {
                bad.get(api).add(what + e);
            }
        }
        bad.forEach((api, complaints) -> {
            if (complaints.isEmpty()) {
                System.out.printf("OK   %s, %d answers%n", api.name, asked.getOrDefault(api, 0));
            } else {
                System.out.printf("FAIL %s %s (%d of %d answers)%n", api.name, complaints.get(0), complaints.size(), asked.get(api));
                complaints.forEach(c -> System.out.println("     " + c));
            }
        });
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
