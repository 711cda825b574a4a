package logic

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/server/config"
	"github.com/freshetdb/freshet/tests/harness"
)

// befallen is a node, and its log as other programs use it.
type befallen struct {
	t      *testing.T
	conn   *pgconn.PgConn
	log    client.Client
	kafka  *kgo.Client
	prefix string
}

func befall(t *testing.T) *befallen {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg.Kafka, cfg.Postgres, cfg.HTTP = "127.0.0.1:0", "127.0.0.1:0", "off"
	harness.Log(t, &cfg)
	node := harness.StartNodeOn(t, cfg)
	b := &befallen{t: t, conn: harness.Connect(t, node.Addresses().Postgres), prefix: cfg.Bootstrap.Prefix}
	seeds := strings.Split(node.Addresses().Kafka, ",")
	var err error
	if b.log, err = client.Dial(t.Context(), client.RemoteOptions{Seeds: seeds, Prefix: b.prefix, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.log.Close() })
	if b.kafka, err = kgo.NewClient(kgo.SeedBrokers(seeds...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kafka.Close)
	return b
}

func (b *befallen) do(statements ...string) {
	b.t.Helper()
	for _, s := range statements {
		if err := (&runner{conn: b.conn}).run(Record{Kind: "statement", SQL: s}); err != nil {
			b.t.Fatal(err)
		}
	}
}

// sees waits until a query's rows are these.
func (b *befallen) sees(sql string, rows ...string) {
	b.t.Helper()
	if err := (&runner{conn: b.conn}).run(Record{Kind: "query", SQL: sql, Expect: rows, Retry: true}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *befallen) refused(sql, code, text string) {
	b.t.Helper()
	if err := (&runner{conn: b.conn}).run(Record{Kind: "statement", SQL: sql, Code: code, Match: text}); err != nil {
		b.t.Error(err)
	}
}

const countByParity = `CREATE TABLE counts AS SELECT id % 2 AS k, count(*) AS n FROM s GROUP BY id % 2`

// TestRetentionOvertakesQuery deletes records that a paused query has not read: it goes on behind them, and says so.
func TestRetentionOvertakesQuery(t *testing.T) {
	t.Parallel()
	b := befall(t)
	b.do(`CREATE STREAM s (id INT) WITH (KAFKA_TOPIC = 's', PARTITIONS = 1, VALUE_FORMAT = 'JSON')`, countByParity,
		`INSERT INTO s VALUES (0), (1), (2)`)
	b.sees(`SELECT k, n FROM counts ORDER BY k`, "0 2", "1 1")
	id := b.queryID()
	b.do(`PAUSE `+id, `INSERT INTO s VALUES (4), (6)`)
	tp := client.TopicPartition{Topic: "s"}
	bounds, err := b.log.Offsets(t.Context(), tp)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.log.DeleteRecords(t.Context(), tp, bounds.HighWatermark); err != nil {
		t.Fatal(err)
	}
	b.do(`INSERT INTO s VALUES (3)`, `RESUME `+id)
	b.sees(`SELECT k, n FROM counts ORDER BY k`, "0 2", "1 2")
	b.sees(`SELECT count(*) FROM freshet_errors WHERE topic = 's' AND cause LIKE '%were deleted before the query read them%'`, "1")
}

func (b *befallen) queryID() string {
	b.t.Helper()
	results, err := b.conn.Exec(b.t.Context(), `SHOW QUERIES`).ReadAll()
	if err != nil || len(results[0].Rows) != 1 {
		b.t.Fatalf("SHOW QUERIES: %v", err)
	}
	return string(results[0].Rows[0][0])
}

// TestTopicIsDeletedAndMadeAgain: what a query keeps stays, writing says what is wrong, and the new topic is read from its start.
func TestTopicIsDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	b := befall(t)
	b.do(`CREATE STREAM s (id INT) WITH (KAFKA_TOPIC = 's', PARTITIONS = 1, VALUE_FORMAT = 'JSON')`, countByParity,
		`INSERT INTO s VALUES (0), (1), (2)`)
	b.sees(`SELECT k, n FROM counts ORDER BY k`, "0 2", "1 1")
	if err := b.log.DeleteTopic(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	b.refused(`INSERT INTO s VALUES (3)`, "42704", `topic "s" does not exist`)
	b.refused(`PRINT 's' FROM BEGINNING LIMIT 1`, "42704", `topic "s" does not exist`)
	b.sees(`SELECT k, n FROM counts ORDER BY k`, "0 2", "1 1")
	if _, err := b.log.CreateTopic(t.Context(), client.TopicSpec{Name: "s", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	b.do(`INSERT INTO s VALUES (5)`)
	b.sees(`SELECT k, n FROM counts ORDER BY k`, "0 2", "1 2")
}

// TestPartitionsAreAdded: a query reads them from their start, whatever it began with.
func TestPartitionsAreAdded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes as long as queries need to notice")
	}
	b := befall(t)
	b.do(`CREATE STREAM s (id INT) WITH (KAFKA_TOPIC = 's', PARTITIONS = 1, VALUE_FORMAT = 'JSON')`, countByParity, `INSERT INTO s VALUES (0)`)
	b.sees(`SELECT k, n FROM counts ORDER BY k`, "0 1")
	req := kmsg.NewPtrCreatePartitionsRequest()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = b.prefix+"s", 2
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), 15_000
	resp, err := req.RequestWith(t.Context(), b.kafka)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	for made := int32(0); made != topic.Count; { // a broker tells of them a moment later
		known, err := b.log.Topic(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		made = known.Partitions
	}
	record := &kgo.Record{Topic: topic.Topic, Partition: 1, Value: []byte(`{"id":1}`)}
	producer, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.OptValue(kgo.SeedBrokers).([]string)...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(noticed)
	for {
		err := (&runner{conn: b.conn}).once(Record{Kind: "query", SQL: `SELECT k, n FROM counts ORDER BY k`, Expect: []string{"0 1", "1 1"}})
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// noticed is when a query must have noticed new partitions.
const noticed = time.Minute

// What the judge of clusters with ACLs names: a listener that asks for names, its user (NAME:PASSWORD), and one where the superuser is.
const (
	deniedVariable = "FRESHET_TEST_ACL"
	deniedUser     = "FRESHET_TEST_ACL_USER"
)

// TestClusterRefuses uses a Kafka whose ACLs allow everything under a prefix but for three topics: what is refused has an SQLSTATE.
func TestClusterRefuses(t *testing.T) {
	t.Parallel()
	at, login, super := os.Getenv(deniedVariable), os.Getenv(deniedUser), os.Getenv(harness.BootstrapVariable)
	if at == "" || login == "" || super == "" {
		t.Skip(deniedVariable + " names no Kafka with ACLs")
	}
	var unique [4]byte
	rand.Read(unique[:])
	prefix := "acl-" + hex.EncodeToString(unique[:]) + "."
	admin, err := client.Dial(t.Context(), client.RemoteOptions{Seeds: strings.Split(super, ","), Prefix: prefix, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	for _, topic := range []string{"hidden", "unread", "unwritten"} {
		if _, err := admin.CreateTopic(t.Context(), client.TopicSpec{Name: topic, Partitions: 1}); err != nil {
			t.Fatal(err)
		}
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(super, ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: prefix + "unread", Value: []byte(`{"id":1}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	user, password, _ := strings.Cut(login, ":")
	grant(t, super, user, prefix)
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	file := cfg.DataDir + "-password"
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Kafka, cfg.Postgres, cfg.HTTP = "127.0.0.1:0", "127.0.0.1:0", "off"
	cfg.Bootstrap.Servers, cfg.Bootstrap.Prefix, cfg.Bootstrap.SASL = at, prefix, "PLAIN:"+user+":"+file
	node := harness.StartNodeOn(t, cfg)
	b := &befallen{t: t, conn: harness.Connect(t, node.Addresses().Postgres)}
	const denied = "the cluster does not allow it"
	b.do(`CREATE STREAM fine (id INT) WITH (KAFKA_TOPIC = 'fine', PARTITIONS = 1, VALUE_FORMAT = 'JSON')`, `INSERT INTO fine VALUES (1)`)
	b.refused(`CREATE STREAM hidden (id INT) WITH (KAFKA_TOPIC = 'hidden', VALUE_FORMAT = 'JSON')`, "42501", denied)
	b.refused(`PRINT 'hidden' FROM BEGINNING LIMIT 1`, "42501", denied)
	b.do(`CREATE STREAM unread (id INT) WITH (KAFKA_TOPIC = 'unread', VALUE_FORMAT = 'JSON')`,
		`CREATE STREAM unwritten (id INT) WITH (KAFKA_TOPIC = 'unwritten', VALUE_FORMAT = 'JSON')`)
	b.refused(`SELECT * FROM unread`, "42501", denied)
	b.refused(`INSERT INTO unwritten VALUES (1)`, "42501", denied)
	b.do(`CREATE TABLE counts AS SELECT id % 2 AS k, count(*) AS n FROM unread GROUP BY id % 2`)
	b.fails(denied)
}

// fails waits until the one query has failed for a reason.
func (b *befallen) fails(reason string) {
	b.t.Helper()
	deadline := time.Now().Add(retryFor)
	for {
		results, err := b.conn.Exec(b.t.Context(), `SHOW QUERIES`).ReadAll()
		if err != nil || len(results[0].Rows) != 1 {
			b.t.Fatalf("SHOW QUERIES: %v", err)
		}
		var row []string
		for _, v := range results[0].Rows[0] {
			row = append(row, string(v))
		}
		if row[1] == "FAILED" && strings.Contains(strings.Join(row, " "), reason) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("query: %q", row)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// grant lets a user do everything under a prefix, but not see, read or write three topics.
func grant(t *testing.T, super, user, prefix string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(super, ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	req := kmsg.NewPtrCreateACLsRequest()
	add := func(kind kmsg.ACLResourceType, name string, pattern kmsg.ACLResourcePatternType, op kmsg.ACLOperation, permission kmsg.ACLPermissionType) {
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType = kind, name, pattern
		c.Principal, c.Host, c.Operation, c.PermissionType = "User:"+user, "*", op, permission
		req.Creations = append(req.Creations, c)
	}
	for _, kind := range []kmsg.ACLResourceType{kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeTransactionalId} {
		add(kind, prefix, kmsg.ACLResourcePatternTypePrefixed, kmsg.ACLOperationAll, kmsg.ACLPermissionTypeAllow)
	}
	for topic, op := range map[string]kmsg.ACLOperation{
		"hidden": kmsg.ACLOperationAll, "unread": kmsg.ACLOperationRead, "unwritten": kmsg.ACLOperationWrite,
	} {
		add(kmsg.ACLResourceTypeTopic, prefix+topic, kmsg.ACLResourcePatternTypeLiteral, op, kmsg.ACLPermissionTypeDeny)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	var errs []error
	for _, r := range resp.Results {
		errs = append(errs, kerr.ErrorForCode(r.ErrorCode))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
