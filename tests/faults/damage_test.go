package faults

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/storage/vfs"
)

// dumps lists the state dumps of all queries, oldest first.
func dumps(t *testing.T, mem *vfs.MemFS) (byQuery map[string][]string) {
	t.Helper()
	byQuery = map[string][]string{}
	dirs, err := mem.List(dataDir + "/state")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		files, err := mem.List(dataDir + "/state/" + dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, ".dump") {
				byQuery[dir] = append(byQuery[dir], dataDir+"/state/"+dir+"/"+f)
			}
		}
	}
	return byQuery
}

// spoil overwrites the end of a file.
func spoil(t *testing.T, mem *vfs.MemFS, name string) {
	t.Helper()
	f, err := mem.OpenReadWrite(name, vfs.Category)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, info.Size()/2), info.Size()/2); err != nil {
		t.Fatal(err)
	}
}

// dumped is a stopped node whose queries have two dumps each, and changelogs cut by them.
func dumped(t *testing.T, mem *vfs.MemFS) *ledger {
	t.Helper()
	node, l := loaded(t, newDisk(mem))
	cl := newClient(t, node.Addresses().Kafka)
	defer cl.Close()
	until(t, func(ctx context.Context) error {
		l.load(t, cl, 100)
		for at, starts := range changelogStarts(t, ctx, cl) {
			if starts > 0 && strings.Contains(at, "TOTALS") {
				return nil
			}
		}
		return fmt.Errorf("no changelog was cut: %v", changelogStarts(t, ctx, cl))
	})
	s := connect(t, node)
	s.eventually(countTotals, strconv.FormatInt(l.next, 10))
	s.close()
	closeNode(t, node)
	return l
}

// changelogStarts gives the sum of the start offsets of every changelog.
func changelogStarts(t *testing.T, ctx context.Context, cl *kgo.Client) map[string]int64 {
	t.Helper()
	known, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	for _, topic := range known.Topics {
		if !strings.HasSuffix(*topic.Topic, "-changelog") {
			continue
		}
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = *topic.Topic
		for _, p := range topic.Partitions {
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp = p.Partition, -2
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			out[topic.Topic] += max(p.Offset, 0)
		}
	}
	return out
}

// TestTornDump: the newest dump of every query is damaged; the one before and the changelog give the same answers.
func TestTornDump(t *testing.T) {
	t.Parallel()
	mem := vfs.NewCrashableMem()
	l := dumped(t, mem)
	spoiled := 0
	for _, files := range dumps(t, mem) {
		if len(files) > 1 {
			spoil(t, mem, files[len(files)-1])
			spoiled++
		}
	}
	if spoiled == 0 {
		t.Fatal("no query has two dumps")
	}
	node := start(t, mem)
	checkNode(t, node, l)
	closeNode(t, node)
}

// TestBothDumpsBad: a query whose dumps are both damaged says so and never answers from half a state; others go on.
func TestBothDumpsBad(t *testing.T) {
	t.Parallel()
	mem := vfs.NewCrashableMem()
	dumped(t, mem)
	for query, files := range dumps(t, mem) {
		if strings.Contains(query, "TOTALS") {
			for _, f := range files {
				spoil(t, mem, f)
			}
		}
	}
	node := start(t, mem)
	s := connect(t, node)
	rows, err := s.query(testContext(t), countTotals)
	if err == nil {
		t.Errorf("a view without its state answers %s", rows)
	} else if !strings.Contains(err.Error(), "state cannot be recovered") {
		t.Errorf("a view without its state: %v", err)
	}
	s.must(`SELECT count(*) FROM windows`)
	s.close()
	closeNode(t, node)
}

// TestDeletedInput: the answer comes from the state, not from reading the input anew.
func TestDeletedInput(t *testing.T) {
	t.Parallel()
	mem := vfs.NewCrashableMem()
	node, _ := loaded(t, newDisk(mem))
	before := views(t, node)
	deleteTopic(t, node, "src")
	if got := views(t, node); got != before {
		t.Errorf("after the input was deleted: %s\nbefore: %s", got, before)
	}
	after := vfs.Crash(mem, 0, seeded(t))
	closeNode(t, node)
	node = start(t, after)
	if got := views(t, node); got != before {
		t.Errorf("after a power cut: %s\nbefore: %s", got, before)
	}
	closeNode(t, node)
}

func views(t *testing.T, node *server.Server) string {
	t.Helper()
	s := connect(t, node)
	defer s.close()
	var out []string
	for _, sql := range []string{`SELECT k, n, total FROM totals ORDER BY k`, `SELECT k, windowstart, n, total FROM windows ORDER BY windowstart, k`} {
		out = append(out, s.must(sql)...)
	}
	return strings.Join(out, ", ")
}

func deleteTopic(t *testing.T, node *server.Server, topic string) {
	t.Helper()
	cl := newClient(t, node.Addresses().Kafka)
	defer cl.Close()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 10_000
	one := kmsg.NewDeleteTopicsRequestTopic()
	one.Topic = &topic
	req.Topics, req.TopicNames = append(req.Topics, one), append(req.TopicNames, topic)
	resp, err := req.RequestWith(testContext(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.Topics[0].ErrorCode; code != 0 {
		t.Fatalf("delete %s: error %d", topic, code)
	}
}
