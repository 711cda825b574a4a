// Package badinput sends a running node what no client should, in both protocols, and then asks whether it still answers and how much
// memory it took.
package badinput

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/tests/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for.
const patience = 30 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// heapGrowthMax is how much more memory may be in use after an attack than before it.
const heapGrowthMax = 64 << 20

// survives runs an attack on a node and holds it to its promise: it still answers on both protocols, and memory is given back.
func survives(t *testing.T, node *server.Server, attack func(t *testing.T)) {
	t.Helper()
	before := heap()
	attack(t)
	answers(t, node)
	if grown := int64(heap()) - int64(before); grown > heapGrowthMax {
		t.Errorf("%d MiB more in use than before", grown>>20)
	}
}

func heap() uint64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// answers asks something of each protocol.
func answers(t *testing.T, node *server.Server) {
	t.Helper()
	if got, err := query(t, node, `SELECT 1 + 1`); err != nil || got != "2" {
		t.Errorf("the node answers %q, %v", got, err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(node.Addresses().Kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.Ping(testContext(t)); err != nil {
		t.Errorf("the node answers no Kafka client: %v", err)
	}
}

// query runs a text in a session of its own and gives the first cell.
func query(t *testing.T, node *server.Server, sql string) (string, error) {
	t.Helper()
	ctx := testContext(t)
	conn, err := pgconn.Connect(ctx, "postgres://test@"+node.Addresses().Postgres+"/freshet?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", err
	}
	rows := results[len(results)-1].Rows
	if len(rows) == 0 {
		return "", nil
	}
	return string(rows[0][0]), nil
}

// dial opens a raw connection that gives up after a while.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// send writes bytes and gives what comes back until the node closes; hangUp closes our sending side first.
func send(t *testing.T, address string, b []byte, hangUp bool) []byte {
	t.Helper()
	c := dial(t, address)
	defer c.Close()
	_, err := c.Write(b)
	if err == nil && hangUp {
		err = c.(*net.TCPConn).CloseWrite()
	}
	if err != nil && !reset(err) {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil && !reset(err) {
		t.Fatalf("the node neither answers nor closes: %v", err)
	}
	return got
}

func reset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// frame is a Kafka request.
func frame(key, version int16, body []byte) []byte {
	head := kbin.AppendInt16(kbin.AppendInt16(nil, key), version)
	head = kbin.AppendNullableString(kbin.AppendInt32(head, 1), new("bad"))
	return append(kbin.AppendInt32(nil, int32(len(head)+len(body))), append(head, body...)...)
}

func TestKafkaFrames(t *testing.T) {
	node := harness.StartNode(t)
	kafka := node.Addresses().Kafka
	length := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	for name, test := range map[string]struct {
		bytes  []byte
		hangUp bool
	}{
		"3 GiB length":         {append(length(3<<30), make([]byte, 100)...), false},
		"length just too long": {append(length(100<<20+1), make([]byte, 100)...), false},
		"no length":            {length(0), false},
		"short":                {append(length(3), 0, 18, 0), false},
		"half a length":        {[]byte{0, 0}, true},
		"torn":                 {frame(3, 9, make([]byte, 50))[:20], true},
		"unknown api":          {frame(9999, 0, nil), true},
		"negative api":         {frame(-1, 0, nil), true},
		"unknown version":      {frame(3, 99, nil), true},
		"body of garbage":      {frame(3, 9, bytes.Repeat([]byte{0xff}, 500)), true},
		"array of 2^31":        {frame(3, 1, []byte{0x7f, 0xff, 0xff, 0xff}), true},
		"an http request":      {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), true},
		"tls hello":            {append([]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, make([]byte, 506)...), true},
		"zeros":                {make([]byte, 1<<20), true},
	} {
		t.Run(name, func(t *testing.T) {
			survives(t, node, func(t *testing.T) { send(t, kafka, test.bytes, test.hangUp) })
		})
	}
}

// TestKafkaBatches: a damaged batch is refused with its own error and nothing of it is written.
func TestKafkaBatches(t *testing.T) {
	node := harness.StartNode(t)
	ctx := testContext(t)
	cl, err := kgo.NewClient(kgo.SeedBrokers(node.Addresses().Kafka), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("t"),
		kgo.MaxVersions(kversion.V3_8_0())) // Produce by topic name
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(ctx, kgo.StringRecord("good")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	good := batch([]byte("value"))
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 0x40
		return b
	}
	for name, test := range map[string]struct {
		batch []byte
		want  error
	}{
		"bad crc":          {flip(len(good) - 2), kerr.CorruptMessage},
		"magic 66":         {flip(16), nil},
		"torn":             {good[:len(good)-3], kerr.InvalidRecord},
		"header only":      {good[:61], nil},
		"nothing":          {nil, nil},
		"a huge length":    {flip(8), nil},
		"wrong row count":  {recount(good, 1000), nil},
		"garbage":          {bytes.Repeat([]byte{0xa5}, 200), nil},
		"unknown codec":    {recode(good, 7), nil},
		"not really zstd":  {recode(good, 4), nil},
		"control by hand":  {recode(good, 0x20), nil},
		"no such producer": {recode(good, 0x10), nil},
	} {
		t.Run(name, func(t *testing.T) {
			req := kmsg.NewPtrProduceRequest()
			req.Version, req.Acks, req.TimeoutMillis = 3, -1, 5000
			topic := kmsg.NewProduceRequestTopic()
			topic.Topic = "t"
			part := kmsg.NewProduceRequestTopicPartition()
			part.Records = test.batch
			topic.Partitions = append(topic.Partitions, part)
			req.Topics = append(req.Topics, topic)
			resp, err := cl.Broker(1).Request(ctx, req)
			if err != nil {
				t.Logf("the connection was closed: %v", err)
				return
			}
			got := kerr.ErrorForCode(resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
			t.Logf("refused: %v", got)
			if got == nil && name != "nothing" && name != "not really zstd" { // the log passes compressed payloads on unread
				t.Error("accepted")
			}
			if test.want != nil && !errors.Is(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
	answers(t, node)
}

// batch makes a record batch of one record.
func batch(value []byte) []byte {
	rec := kbin.AppendVarint(nil, 0)
	rec = append(rec[:0], 0)
	rec = kbin.AppendVarlong(rec, 0)
	rec = kbin.AppendVarint(rec, 0)
	rec = kbin.AppendVarint(rec, -1)
	rec = append(kbin.AppendVarint(rec, int32(len(value))), value...)
	rec = kbin.AppendVarint(rec, 0)
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_000, ProducerID: -1, ProducerEpoch: -1,
		FirstSequence: -1, NumRecords: 1, Records: append(kbin.AppendVarint(nil, int32(len(rec))), rec...),
	}
	out := b.AppendTo(nil)
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)-12))
	return seal(out)
}

func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc(b[21:]))
	return b
}

func recount(b []byte, n uint32) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[57:], n)
	return seal(b)
}

func recode(b []byte, attributes byte) []byte {
	b = bytes.Clone(b)
	b[22] = attributes
	return seal(b)
}

func TestPostgresFrames(t *testing.T) {
	node := harness.StartNode(t)
	postgres := node.Addresses().Postgres
	u32 := binary.BigEndian.AppendUint32
	startup := func(body string) []byte {
		return append(u32(u32(nil, uint32(8+len(body))), 196608), body...)
	}
	hello := startup("user\x00test\x00database\x00freshet\x00\x00")
	after := func(b ...byte) []byte { return append(bytes.Clone(hello), b...) }
	for name, test := range map[string]struct {
		bytes  []byte
		hangUp bool
	}{
		"half a startup packet":  {hello[:9], true},
		"half a length":          {hello[:3], true},
		"startup of 3 GiB":       {append(u32(nil, 3<<30), hello[4:]...), false},
		"startup of 4 bytes":     {u32(nil, 4), false},
		"protocol 9":             {u32(u32(nil, 8), 9<<16), true},
		"no terminator":          {startup("user\x00test"), true},
		"no user":                {startup("\x00"), true},
		"a message of 3 GiB":     {append(after('Q'), u32(nil, 3<<30)...), false},
		"a message of length 0":  {append(after('Q'), 0, 0, 0, 0), false},
		"unknown message":        {append(after('~'), 0, 0, 0, 4), true},
		"query without an end":   {append(after('Q'), append(u32(nil, 8), "SELE"...)...), true},
		"bind from nowhere":      {append(after('B'), append(u32(nil, 12), "\x00none\x00\x00\x01"...)...), true},
		"parse with 65535 types": {append(after('P'), append(u32(nil, 8), "\x00\x00\xff\xff"...)...), true},
		"execute without bind":   {append(append(after('E'), append(u32(nil, 9), "\x00\x00\x00\x00\x00"...)...), 'S', 0, 0, 0, 4), true},
		"copy data out of turn":  {append(after('d'), append(u32(nil, 8), "data"...)...), true},
		"a password out of turn": {append(after('p'), append(u32(nil, 6), "x\x00"...)...), true},
		"cancel of a stranger":   {u32(u32(u32(u32(nil, 16), 80877102), 1), 1), true},
		"an http request":        {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), true},
		"kafka":                  {frame(18, 3, nil), true},
	} {
		t.Run(name, func(t *testing.T) {
			survives(t, node, func(t *testing.T) { send(t, postgres, test.bytes, test.hangUp) })
		})
	}
}

func TestStatements(t *testing.T) {
	node := harness.StartNode(t)
	list := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	for name, test := range map[string]struct {
		sql, code string // of the error; empty: none
	}{
		"a megabyte of parentheses": {"SELECT " + strings.Repeat("(", 1<<20), "54001"},
		"closed ones":               {"SELECT " + strings.Repeat("(", 1<<19) + "1" + strings.Repeat(")", 1<<19), "54001"},
		"a megabyte of NOT":         {"SELECT " + strings.Repeat("NOT ", 1<<18) + "true", ""},
		"a megabyte of minus":       {"SELECT " + strings.Repeat("- ", 1<<19) + "1", ""},
		"a long chain of AND":       {"SELECT true" + strings.Repeat(" AND true", 100_000), ""},
		"a chain of CASE":           {"SELECT " + strings.Repeat("CASE WHEN true THEN ", 50_000) + "1", ""},
		"nested subqueries":         {"SELECT * FROM " + strings.Repeat("(SELECT * FROM ", 50_000), ""},
		"nested arrays":             {"SELECT " + strings.Repeat("ARRAY[", 100_000), ""},
		"nested types":              {"SELECT CAST(1 AS " + strings.Repeat("ARRAY<", 100_000) + "INT" + strings.Repeat(">", 100_000) + ")", ""},
		"10 MB of comment":          {"SELECT 1 /*" + strings.Repeat("x", 10<<20) + "*/", ""},
		"10 MB of string":           {"SELECT length('" + strings.Repeat("x", 10<<20) + "')", ""},
		"10 MB of name":             {"SELECT " + strings.Repeat("x", 10<<20), ""},
		"10 MB of digits":           {"SELECT " + strings.Repeat("9", 10<<20), ""},
		"a million semicolons":      {strings.Repeat(";", 1<<20) + "SELECT 1", ""},
		"100,000 columns":           {"SELECT " + list(100_000, "1"), "54011"},
		"100,000 items of IN":       {"SELECT 1 IN (" + list(100_000, "1") + ")", ""},
		"unclosed string":           {"SELECT 'x", "42601"},
		"unclosed comment":          {"SELECT 1 /* x", "42601"},
		"invalid utf-8":             {"SELECT '\xff\xfe'", "22021"},
		"invalid utf-8 in a name":   {"SELECT \"\xc3\x28\"", "22021"},
		"repeat a gigabyte":         {"SELECT repeat('xxxxxxxxxx', 1000000000)", ""},
		"a power":                   {"SELECT 10::decimal ^ 1000000000", ""},
		"a wild pattern":            {"SELECT '" + strings.Repeat("a", 5000) + "' LIKE '" + strings.Repeat("%a", 2000) + "b'", ""},
	} {
		t.Run(name, func(t *testing.T) {
			survives(t, node, func(t *testing.T) {
				began := time.Now()
				_, err := query(t, node, test.sql)
				var pg *pgconn.PgError
				if err != nil && !errors.As(err, &pg) {
					t.Fatalf("the session broke: %v", err)
				}
				code := ""
				if pg != nil {
					code = pg.Code
					t.Logf("%s: %.120s", pg.Code, pg.Message)
				}
				if strings.HasPrefix(code, "XX") || test.code != "" && code != test.code {
					t.Errorf("SQLSTATE %q, want %q", code, test.code)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// TestRecords: records that are no JSON, of the wrong type, or very deep are told in the error stream; the query goes on.
func TestRecords(t *testing.T) {
	node := harness.StartNode(t)
	for _, sql := range []string{
		`CREATE STREAM src (id BIGINT, name STRING) WITH (KAFKA_TOPIC = 'src', VALUE_FORMAT = 'JSON', PARTITIONS = 1)`,
		`CREATE TABLE totals AS SELECT id, count(*) AS n FROM src GROUP BY id EMIT CHANGES`,
	} {
		if _, err := query(t, node, sql); err != nil {
			t.Fatal(err)
		}
	}
	bad := []string{
		`not json`, `{"id":`, `{"id":"seven"}`, `{"id":{}}`, `[1]`, `{"id":99999999999999999999999}`, `{"id":true}`,
		`{"id":` + strings.Repeat("[", 1<<19) + strings.Repeat("]", 1<<19) + `}`, `{"id":1,"x":` + strings.Repeat(`{"a":`, 1<<17) + `1`,
		"\x00\x00\x00\x00",
	}
	survives(t, node, func(t *testing.T) {
		ctx := testContext(t)
		cl, err := kgo.NewClient(kgo.SeedBrokers(node.Addresses().Kafka), kgo.DefaultProduceTopic("src"), kgo.ConsumeTopics("freshet_errors"),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ProducerBatchMaxBytes(4<<20))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		for _, value := range bad {
			if err := cl.ProduceSync(ctx, kgo.StringRecord(value), kgo.StringRecord(`{"id":7,"name":"ok"}`)).FirstErr(); err != nil {
				t.Fatalf("%.40q: %v", value, err)
			}
		}
		told := map[int64]string{}
		for len(told) < len(bad) {
			fetches := cl.PollFetches(ctx)
			if ctx.Err() != nil {
				break
			}
			fetches.EachRecord(func(r *kgo.Record) {
				var entry struct {
					Topic  string `json:"topic"`
					Offset int64  `json:"record_offset"`
					Cause  string `json:"cause"`
				}
				if err := json.Unmarshal(r.Value, &entry); err != nil || entry.Topic != "src" {
					t.Errorf("error stream: %v: %s", err, r.Value)
				}
				told[entry.Offset] = entry.Cause
			})
		}
		for i, value := range bad {
			cause, ok := told[int64(2*i)]
			if !ok {
				t.Errorf("nobody told of %.40q", value)
			}
			t.Logf("%.40q: %.120s", value, cause)
		}
	})
	if got, err := query(t, node, `SELECT n FROM totals WHERE id = 7`); err != nil || got != strconv.Itoa(len(bad)) {
		t.Errorf("good records between the bad ones: %s, %v; want %d", got, err, len(bad))
	}
}

// TestIdleConnections: a thousand clients that say nothing cost little and keep nobody out of the other protocol.
func TestIdleConnections(t *testing.T) {
	const clients = 1000
	node := harness.StartNode(t)
	for name, address := range map[string]string{"kafka": node.Addresses().Kafka, "postgres": node.Addresses().Postgres} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			conns := make([]net.Conn, clients)
			for i := range conns {
				conns[i] = dial(t, address)
			}
			if name == "kafka" { // a thousand is the default bound of Postgres sessions
				answers(t, node)
			}
			grown := (int64(heap()) - int64(before)) / clients
			t.Logf("%d bytes of heap a connection", grown)
			if grown > 64<<10 {
				t.Errorf("%d bytes of heap a connection", grown)
			}
			for _, c := range conns {
				_ = c.Close()
			}
		})
	}
	deadline := time.Now().Add(patience)
	for {
		conn, err := pgconn.Connect(testContext(t), "postgres://test@"+node.Addresses().Postgres+"/freshet?sslmode=disable")
		if err == nil {
			_ = conn.Close(context.Background())
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after they left: %v", err)
		}
	}
	answers(t, node)
}

// TestSlowReader: who does not read what he subscribed to holds back his own query alone: nothing is buffered for him, and the others
// read on.
func TestSlowReader(t *testing.T) {
	node := harness.StartNode(t)
	if _, err := query(t, node, `CREATE STREAM src (id BIGINT, pad STRING) WITH (KAFKA_TOPIC = 'src', VALUE_FORMAT = 'JSON', PARTITIONS = 1)`); err != nil {
		t.Fatal(err)
	}
	c := dial(t, node.Addresses().Postgres)
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	text := "SELECT * FROM src EMIT CHANGES\x00"
	hello := "user\x00test\x00database\x00freshet\x00\x00"
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(hello)))
	b = append(binary.BigEndian.AppendUint32(b, 196608), hello...)
	b = append(binary.BigEndian.AppendUint32(append(b, 'Q'), uint32(4+len(text))), text...)
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	survives(t, node, func(t *testing.T) {
		cl, err := kgo.NewClient(kgo.SeedBrokers(node.Addresses().Kafka), kgo.DefaultProduceTopic("src"), kgo.ProducerBatchCompression(kgo.NoCompression()))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		value := fmt.Appendf(nil, `{"id":1,"pad":%q}`, strings.Repeat("x", 10_000))
		for range 10_000 { // 100 MB
			cl.Produce(context.Background(), &kgo.Record{Value: value}, nil)
		}
		if err := cl.Flush(testContext(t)); err != nil {
			t.Fatal(err)
		}
	})
}
