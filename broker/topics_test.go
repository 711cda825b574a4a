package broker

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

func produceAll(t testing.TB, cl *kgo.Client, topic string, values ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(v)})
	}
	if err := cl.ProduceSync(short(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func createTopic(t testing.TB, cl *kgo.Client, name string, partitions int32, configs ...string) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: key, Value: &value})
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(short(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
}

func numbers(n int, prefix string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return out
}

func TestEveryCodecAndAcks(t *testing.T) {
	b := startBroker(t, nil)
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for name, codec := range codecs {
		for acksName, acks := range map[string]kgo.Acks{"none": kgo.NoAck(), "leader": kgo.LeaderAck(), "all": kgo.AllISRAcks()} {
			topic := name + "-" + acksName
			opts := []kgo.Opt{kgo.ProducerBatchCompression(codec), kgo.RequiredAcks(acks)}
			if acksName != "all" {
				opts = append(opts, kgo.DisableIdempotentWrite())
			}
			want := numbers(300, topic+strings.Repeat("x", 50))
			produceAll(t, connect(t, b, opts...), topic, want...)
			for i, r := range consume(t, b, topic, len(want)) {
				if string(r.Value) != want[i] || r.Offset != int64(i) {
					t.Fatalf("%s: record %d is %q at %d", topic, i, r.Value, r.Offset)
				}
			}
		}
	}
}

// TestRestartKeepsAll: topics, configs, records, the cluster's name and a producer's sequence live on, after a clean stop.
func TestRestartKeepsAll(t *testing.T) {
	fs := vfs.NewMem()
	b := startBroker(t, func(o *Options) { o.FS = fs })
	cl := connect(t, b)
	createTopic(t, cl, "kept", 3, "retention.ms=-1")
	produceAll(t, cl, "kept", numbers(500, "v")...)
	cluster := b.ClusterID()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := startBroker(t, func(o *Options) { o.FS = fs })
	if again.ClusterID() != cluster || cluster == "" {
		t.Fatalf("cluster %q became %q", cluster, again.ClusterID())
	}
	topic := again.quorum.Image().Topic("kept")
	if len(topic.Partitions) != 3 || topic.Configs["retention.ms"] != "-1" {
		t.Fatalf("%+v", topic)
	}
	if got := len(consume(t, again, "kept", 500)); got != 500 {
		t.Fatal(got)
	}
}

// TestLongPoll: a fetch waits for data, not for its time.
func TestLongPoll(t *testing.T) {
	b := startBroker(t, nil)
	cl := connect(t, b)
	createTopic(t, cl, "poll", 1)
	reader := connect(t, b, kgo.ConsumeTopics("poll"), kgo.FetchMaxWait(5*time.Second))
	got := make(chan time.Time, 1)
	go func() {
		reader.PollRecords(short(t), 1)
		got <- time.Now()
	}()
	for len(watchersOf(b, "poll")) == 0 { // until the fetch is parked
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	produceAll(t, cl, "poll", "now")
	if took := (<-got).Sub(began); took > 2*time.Second {
		t.Fatalf("record was seen after %v", took)
	}
}

// watchersOf lists one entry when somebody waits for the topic's partition 0.
func watchersOf(b *Broker, topic string) []struct{} {
	p, err := b.replicas.Partition(topic, 0)
	if err != nil || !p.Watched() {
		return nil
	}
	return []struct{}{{}}
}

func TestTopicAdmin(t *testing.T) {
	b := startBroker(t, nil)
	cl := connect(t, b)
	ctx := short(t)
	createTopic(t, cl, "t", 2)

	more := kmsg.NewPtrCreatePartitionsRequest()
	more.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: 4}}
	if resp, err := more.RequestWith(ctx, cl); err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatal(resp, err)
	}
	meta := kmsg.NewPtrMetadataRequest()
	name := "t"
	meta.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	resp, err := meta.RequestWith(ctx, cl)
	if err != nil || len(resp.Topics[0].Partitions) != 4 {
		t.Fatal(resp, err)
	}
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	value := "1000"
	alter.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t",
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: &value}},
	}}
	if resp, err := alter.RequestWith(ctx, cl); err != nil || resp.Resources[0].ErrorCode != 0 {
		t.Fatal(resp, err)
	}
	describe := kmsg.NewPtrDescribeConfigsRequest()
	describe.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t", ConfigNames: []string{"retention.ms"}}}
	configs, err := describe.RequestWith(ctx, cl)
	if err != nil || len(configs.Resources[0].Configs) != 1 || *configs.Resources[0].Configs[0].Value != "1000" {
		t.Fatal(configs, err)
	}
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.Topics, remove.TopicNames = []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}, []string{name}
	if resp, err := remove.RequestWith(ctx, cl); err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatal(resp, err)
	}
}

// TestTopicMadeAnewIsEmpty: records of a deleted topic don't come back under its name, though the directory is the same.
func TestTopicMadeAnewIsEmpty(t *testing.T) {
	b := startBroker(t, nil)
	for i := range 5 {
		cl := connect(t, b)
		createTopic(t, cl, "again", 1)
		produceAll(t, cl, "again", fmt.Sprint("life ", i))
		if got := consume(t, b, "again", 1); string(got[0].Value) != fmt.Sprint("life ", i) || got[0].Offset != 0 {
			t.Fatalf("life %d begins with %q at %d", i, got[0].Value, got[0].Offset)
		}
		remove := kmsg.NewPtrDeleteTopicsRequest()
		name := "again"
		remove.Topics, remove.TopicNames = []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}, []string{name}
		if resp, err := remove.RequestWith(short(t), cl); err != nil || resp.Topics[0].ErrorCode != 0 {
			t.Fatal(resp, err)
		}
		cl.Close()
	}
}

// topicID asks for a topic's id, which requests of today name it by.
func topicID(t testing.TB, cl *kgo.Client, topic string) [16]byte {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &topic
	req.Topics = append(req.Topics, asked)
	resp, err := req.RequestWith(short(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Topics[0].TopicID
}

// rawProduce sends bytes as the records of one partition and gives the partition's answer.
func rawProduce(t testing.TB, cl *kgo.Client, topic string, partition int32, acks int16, records []byte) kmsg.ProduceResponseTopicPartition {
	t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, acks, 5000
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, TopicID: topicID(t, cl, topic), Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: partition, Records: records}}}}
	resp, err := req.RequestWith(short(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Topics[0].Partitions[0]
}

func rawBatch(t testing.TB, values ...string) record.Batch {
	t.Helper()
	builder := record.NewBuilder(record.None)
	for _, v := range values {
		builder.Append(time.Now().UnixMilli(), nil, []byte(v), nil)
	}
	batch, err := builder.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestBadBatchesAreRefused(t *testing.T) {
	b := startBroker(t, nil)
	cl := connect(t, b, kgo.MaxVersions(nil))
	createTopic(t, cl, "strict", 1, "max.message.bytes=1000")
	damaged := rawBatch(t, "x")
	damaged[len(damaged)-1] ^= 1
	old := rawBatch(t, "x")
	old[16] = 1
	control := record.AppendMarker(nil, 5, 0, time.Now().UnixMilli(), record.Marker{Commit: true})
	future := record.NewBuilder(record.None)
	future.Append(time.Now().Add(2*time.Hour).UnixMilli(), nil, []byte("x"), nil)
	ahead, _ := future.Build(nil)
	transactional := rawBatch(t, "x")
	transactional.SetProducer(7, 0, 0, true)
	for _, c := range []struct {
		name    string
		topic   string
		acks    int16
		records []byte
		want    *kerr.Error
	}{
		{"bad checksum", "strict", -1, damaged, kerr.CorruptMessage},
		{"half a batch", "strict", -1, rawBatch(t, "x")[:40], kerr.InvalidRecord},
		{"nothing", "strict", -1, nil, kerr.InvalidRecord},
		{"old format", "strict", -1, old, kerr.InvalidRecord},
		{"two batches", "strict", -1, append(rawBatch(t, "x"), rawBatch(t, "y")...), kerr.InvalidRecord},
		{"control batch", "strict", -1, control, kerr.TransactionalIDAuthorizationFailed},
		{"too large", "strict", -1, rawBatch(t, strings.Repeat("x", 2000)), kerr.MessageTooLarge},
		{"from the future", "strict", -1, ahead, kerr.InvalidTimestamp},
		{"transaction without an id", "strict", -1, transactional, kerr.TransactionalIDAuthorizationFailed},
		{"internal topic", "__consumer_offsets", -1, rawBatch(t, "x"), kerr.InvalidTopicException},
	} {
		if got := rawProduce(t, cl, c.topic, 0, c.acks, c.records); got.ErrorCode != c.want.Code || got.BaseOffset != -1 {
			t.Errorf("%s: code %d (%v), offset %d; want %v", c.name, got.ErrorCode, kerr.ErrorForCode(got.ErrorCode), got.BaseOffset, c.want)
		}
	}
	if got := rawProduce(t, cl, "strict", 0, -1, rawBatch(t, "good")); got.ErrorCode != 0 || got.BaseOffset != 0 {
		t.Fatalf("%+v", got)
	}
}

// TestFullDiskRefusesWritesAndServesReads: producers get KAFKA_STORAGE_ERROR, readers go on, and writing goes on when there is room.
func TestFullDiskRefusesWritesAndServesReads(t *testing.T) {
	var full atomic.Bool
	fs := vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
		if full.Load() && (op.Kind == vfs.OpFileWrite || op.Kind == vfs.OpFileWriteAt) && strings.Contains(op.Path, "topics") {
			return syscall.ENOSPC
		}
		return nil
	})
	b := startBroker(t, func(o *Options) { o.FS = fs })
	cl := connect(t, b)
	createTopic(t, cl, "full", 1)
	produceAll(t, cl, "full", "before")
	full.Store(true)
	if got := rawProduce(t, cl, "full", 0, -1, rawBatch(t, "lost")); got.ErrorCode != kerr.KafkaStorageError.Code {
		t.Fatalf("code %d", got.ErrorCode)
	}
	if got := consume(t, b, "full", 1); string(got[0].Value) != "before" {
		t.Fatal(got[0])
	}
	full.Store(false)
	if got := rawProduce(t, cl, "full", 0, -1, rawBatch(t, "after")); got.ErrorCode != 0 || got.BaseOffset != 1 {
		t.Fatalf("%+v", got)
	}
}

// TestDeadDiskRefusesWritesAndServesReads: after a failed sync nothing is acknowledged until a restart.
func TestDeadDiskRefusesWritesAndServesReads(t *testing.T) {
	var broken atomic.Bool
	fs := vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
		if broken.Load() && (op.Kind == vfs.OpFileSync || op.Kind == vfs.OpFileSyncData) && strings.Contains(op.Path, "topics") {
			return syscall.EIO
		}
		return nil
	})
	b, err := Start(context.Background(), Options{FS: fs, DataDir: "data", Listen: []string{"127.0.0.1:0"}, Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() // reports the dead disk
	cl := connect(t, b)
	createTopic(t, cl, "dead", 1)
	produceAll(t, cl, "dead", "before")
	broken.Store(true)
	if got := rawProduce(t, cl, "dead", 0, -1, rawBatch(t, "unsynced")); got.ErrorCode != kerr.KafkaStorageError.Code {
		t.Fatalf("code %d", got.ErrorCode)
	}
	broken.Store(false)
	if got := rawProduce(t, cl, "dead", 0, -1, rawBatch(t, "late")); got.ErrorCode != kerr.KafkaStorageError.Code {
		t.Fatalf("code %d", got.ErrorCode)
	}
	if got := consume(t, b, "dead", 1); string(got[0].Value) != "before" {
		t.Fatal(got[0])
	}
}

func TestOffsetsAndDeletedRecords(t *testing.T) {
	b := startBroker(t, nil)
	cl := connect(t, b)
	createTopic(t, cl, "o", 1)
	for i := range 10 {
		r := &kgo.Record{Topic: "o", Value: []byte("v"), Timestamp: time.UnixMilli(int64(1000 * (i + 1)))}
		if err := cl.ProduceSync(short(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(ts int64) int64 {
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID = -1
		req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "o", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: ts, CurrentLeaderEpoch: -1}}}}
		resp, err := req.RequestWith(short(t), cl)
		if err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Fatal(resp, err)
		}
		return resp.Topics[0].Partitions[0].Offset
	}
	for ts, want := range map[int64]int64{-1: 10, -2: 0, -3: 9, -4: 0, 1000: 0, 4500: 4, 99999: -1} {
		if got := ask(ts); got != want {
			t.Errorf("offset for %d is %d, not %d", ts, got, want)
		}
	}
	del := kmsg.NewPtrDeleteRecordsRequest()
	del.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "o", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 6}}}}
	resp, err := del.RequestWith(short(t), cl)
	if err != nil || resp.Topics[0].Partitions[0].LowWatermark != 6 {
		t.Fatal(resp, err)
	}
	if got := ask(-2); got != 6 {
		t.Fatal(got)
	}
	if got := consume(t, b, "o", 4); got[0].Offset != 6 {
		t.Fatal(got[0].Offset)
	}
}

func TestPortInUse(t *testing.T) {
	b := startBroker(t, nil)
	if _, err := Start(context.Background(), Options{FS: vfs.NewMem(), DataDir: "other", Listen: []string{b.Addr().String()}, Logger: testLogger(t)}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatal(err)
	}
}

// TestManyPartitionsStartAtOnce: logs are opened when they are used.
func TestManyPartitionsStartAtOnce(t *testing.T) {
	fs := vfs.NewMem()
	b := startBroker(t, func(o *Options) { o.FS = fs })
	cl := connect(t, b)
	for i := range 4 {
		createTopic(t, cl, fmt.Sprint("wide", i), 1000)
	}
	produceAll(t, cl, "wide0", numbers(100, "v")...)
	b.Close()
	began := time.Now()
	again := startBroker(t, func(o *Options) { o.FS = fs })
	t.Logf("4,000 partitions were ready after %v", time.Since(began))
	// The client learns the partitions' offsets bit by bit; its first fetch may hold only empty ones and wait.
	if got := len(consume(t, again, "wide0", 100, kgo.FetchMaxWait(50*time.Millisecond))); got != 100 {
		t.Fatal(got)
	}
}

// TestRetention: segments beyond retention.bytes go by themselves, and the start offset moves with them.
func TestRetention(t *testing.T) {
	b := startBroker(t, func(o *Options) { o.RetentionInterval = 2 * time.Millisecond })
	cl := connect(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
	createTopic(t, cl, "bounded", 1, "segment.bytes=1000", "retention.bytes=2000")
	for i := range 40 {
		produceAll(t, cl, "bounded", strings.Repeat("x", 200)+fmt.Sprint(i))
	}
	p, err := b.replicas.Partition("bounded", 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx := short(t)
	for {
		if size, err := p.SizeBytes(); err != nil || size <= 3000 {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("too little was deleted")
		}
		time.Sleep(time.Millisecond)
	}
	bounds, _ := p.Bounds()
	if got := consume(t, b, "bounded", 1); got[0].Offset < bounds.Start {
		t.Fatalf("record %d was read, the partition begins at %d", got[0].Offset, bounds.Start)
	}
}
