import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.LongSerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;

/**
 * Two instances of a Streams application with exactly_once_v2 are killed (SIGKILL) and restarted again and again while records come in.
 * The application copies its input and counts it by key, through a repartition topic and a store with a changelog. Read as committed,
 * the copy must then hold every record once, those of an input partition in order, and the counts of a key must be 1, 2, 3 … n: a record lost, or processed twice,
 * or a store that was restored to another state than the output, is a gap or a repetition.
 *
 * <p>usage: ExactlyOnce BOOTSTRAP DIRECTORY RECORDS KILLS SEED
 */
public final class ExactlyOnce {
    private static final int PARTITIONS = 4;
    private static final int KEYS = 23;
    /** How long the application may take to finish when nobody kills it any more. */
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    public static void main(String[] args) throws Exception {
        if (args[0].equals("app")) {
            application(args[1], args[2], Path.of(args[3]));
            return;
        }
        new ExactlyOnce(args[0], Path.of(args[1]), Integer.parseInt(args[2]), Integer.parseInt(args[3]), Long.parseLong(args[4])).run();
    }

    private static void application(String bootstrap, String name, Path state) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, Long> in = builder.stream(name + "-in", Consumed.with(Serdes.String(), Serdes.Long()));
        in.to(name + "-copy", Produced.with(Serdes.String(), Serdes.Long()));
        in.groupBy((key, value) -> "key" + value % KEYS, Grouped.with(Serdes.String(), Serdes.Long()))
            .count()
            .toStream()
            .to(name + "-counts", Produced.with(Serdes.String(), Serdes.Long()));
        Properties p = new Properties();
        p.put("application.id", name);
        p.put("bootstrap.servers", bootstrap);
        p.put("processing.guarantee", "exactly_once_v2");
        p.put("auto.offset.reset", "earliest");
        p.put("replication.factor", "1");
        p.put("statestore.cache.max.bytes", "0"); // every count is an output record
        p.put("state.dir", state.toString());
        p.put("group.instance.id", state.getFileName().toString());
        p.put("session.timeout.ms", "6000");
        p.put("heartbeat.interval.ms", "1000");
        KafkaStreams streams = new KafkaStreams(builder.build(), p);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(10))));
        streams.start();
    }

    private final String bootstrap;
    private final Path directory;
    private final int records;
    private final int kills;
    private final Random random;
    private final String name;
    private final long seed;
    private final Process[] instances = new Process[2];

    private ExactlyOnce(String bootstrap, Path directory, int records, int kills, long seed) {
        this.bootstrap = bootstrap;
        this.directory = directory;
        this.records = records;
        this.kills = kills;
        this.seed = seed;
        this.random = new Random(seed);
        this.name = "eos-" + System.nanoTime();
    }

    private void run() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            List<NewTopic> topics = new ArrayList<>();
            for (String suffix : List.of("-in", "-copy", "-counts")) {
                topics.add(new NewTopic(name + suffix, PARTITIONS, (short) 1));
            }
            admin.createTopics(topics).all().get();
        }
        Thread producer = new Thread(this::produce);
        try {
            start(0);
            start(1);
            producer.start();
            for (int i = 0; i < kills; i++) {
                Thread.sleep(4000 + random.nextInt(4000));
                int victim = random.nextInt(instances.length);
                instances[victim].destroyForcibly().waitFor(); // SIGKILL
                start(victim);
            }
            producer.join();
            verify();
        } finally {
            for (Process p : instances) {
                if (p != null) {
                    p.destroy();
                }
            }
            for (Process p : instances) {
                if (p != null && !p.waitFor(15, TimeUnit.SECONDS)) {
                    p.destroyForcibly().waitFor();
                }
            }
        }
    }

    private void start(int i) throws Exception {
        Path state = directory.resolve("instance-" + i);
        Files.createDirectories(state);
        instances[i] = new ProcessBuilder(
            "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp", System.getProperty("java.class.path"), "ExactlyOnce", "app", bootstrap, name, state.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("instance-" + i + ".log").toFile()))
            .start();
    }

    /** Spreads the records over the time the kills take. */
    private void produce() {
        try (KafkaProducer<String, Long> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrap, "linger.ms", 5), new StringSerializer(), new LongSerializer())) {
            long pause = TimeUnit.SECONDS.toNanos(6) * kills / Math.max(records, 1);
            long next = System.nanoTime();
            for (long i = 0; i < records; i++) {
                producer.send(new ProducerRecord<>(name + "-in", (int) (i % PARTITIONS), "in", i));
                next += pause;
                long early = next - System.nanoTime();
                if (early > 0) {
                    TimeUnit.NANOSECONDS.sleep(early);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void verify() throws Exception {
        List<ConsumerRecord<String, Long>> copy = committed(name + "-copy");
        List<ConsumerRecord<String, Long>> counts = committed(name + "-counts");
        String of = ", " + records + " records, " + kills + " kills, seed " + seed;
        String wrong = wrongCopy(copy);
        System.out.println(wrong == null ? "OK   copy" + of : "FAIL copy " + wrong + of);
        wrong = wrongCounts(counts);
        System.out.println(wrong == null ? "OK   counts" + of : "FAIL counts " + wrong + of);
    }

    private String wrongCopy(List<ConsumerRecord<String, Long>> copy) {
        boolean[] seen = new boolean[records];
        long[] last = new long[PARTITIONS];
        int twice = 0;
        int late = 0;
        for (ConsumerRecord<String, Long> r : copy) { // all records have one key, so the copy is one partition
            int from = (int) (r.value() % PARTITIONS);
            if (r.value() < last[from]) {
                late++;
            }
            last[from] = r.value();
            if (seen[r.value().intValue()]) {
                twice++;
            }
            seen[r.value().intValue()] = true;
        }
        int lost = 0;
        for (boolean s : seen) {
            if (!s) {
                lost++;
            }
        }
        return lost + twice + late == 0 ? null : lost + " lost, " + twice + " twice, " + late + " out of order";
    }

    private String wrongCounts(List<ConsumerRecord<String, Long>> counts) {
        Map<String, Long> last = new TreeMap<>();
        for (ConsumerRecord<String, Long> r : counts) {
            long want = last.getOrDefault(r.key(), 0L) + 1;
            if (r.value() != want) {
                return r.key() + " is " + r.value() + " after " + (want - 1) + " at " + r.topic() + "-" + r.partition() + " offset " + r.offset();
            }
            last.put(r.key(), want);
        }
        for (int k = 0; k < KEYS; k++) {
            long want = (records - 1 - k) / KEYS + 1;
            if (last.getOrDefault("key" + k, 0L) != want) {
                return "key" + k + " ends at " + last.get("key" + k) + ", not at " + want;
            }
        }
        return null;
    }

    /** Reads a topic until it has a record for each of the input and has then been quiet for three seconds. */
    private List<ConsumerRecord<String, Long>> committed(String topic) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed"));
        List<ConsumerRecord<String, Long>> got = new ArrayList<>();
        try (KafkaConsumer<String, Long> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new LongDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int i = 0; i < PARTITIONS; i++) {
                partitions.add(new TopicPartition(topic, i));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            for (int quiet = 0; quiet < 3 && System.nanoTime() < deadline; ) {
                int before = got.size();
                consumer.poll(Duration.ofSeconds(1)).forEach(got::add);
                quiet = got.size() >= records && got.size() == before ? quiet + 1 : 0;
            }
        }
        return got;
    }
}
