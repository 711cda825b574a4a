package broker

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// auditLog keeps the lines of the authorizer's log; other lines are dropped.
type auditLog struct {
	mu    sync.Mutex
	lines []string
}

// Write implements io.Writer: one line a call.
func (l *auditLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("component=authorizer")) {
		_, text, _ := strings.Cut(strings.TrimSpace(string(line)), " ") // the time
		l.mu.Lock()
		l.lines = append(l.lines, strings.ReplaceAll(text, "component=authorizer ", ""))
		l.mu.Unlock()
	}
	return len(line), nil
}

// take gives the lines since the last call.
func (l *auditLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.lines
	l.lines = nil
	return taken
}

// TestAuditLog: refusals and rights are noted where Kafka 4.3.1 notes them, and lists that leave out what the caller may not see are no
// refusals.
func TestAuditLog(t *testing.T) {
	var lines auditLog
	b, addr := secureBroker(t, newAuthority(t), func(o *Options) {
		o.Configs = map[string]string{"super.users": ""}
		o.Logger = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	admin := connect(t, b, kgo.SeedBrokers(addr[wire.NameSASLPlaintext]), kgo.SASL(mechanism(auth.ScramSHA256, "admin", "secret")))
	createTopic(t, admin, "asked", 1)
	createTopic(t, admin, "open", 1)
	allow(t, admin, "User:ANONYMOUS", metadata.ACL{
		ResourceType: int8(auth.ResourceTopic), PatternType: int8(auth.PatternLiteral), ResourceName: "open", Operation: int8(auth.OpDescribe),
	})
	nobody := connect(t, b)
	named := func(topics ...string) *kmsg.MetadataRequest {
		req := kmsg.NewPtrMetadataRequest()
		req.AllowAutoTopicCreation = true
		for _, name := range topics {
			req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &name})
		}
		return req
	}
	txnID, create := "txn", kmsg.NewPtrCreateTopicsRequest()
	create.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "fresh", NumPartitions: 1, ReplicationFactor: 1}}
	idempotent := &kmsg.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1}
	transactional := &kmsg.InitProducerIDRequest{TransactionalID: &txnID, ProducerID: -1, ProducerEpoch: -1, TransactionTimeoutMillis: 1000}
	markers := &kmsg.WriteTxnMarkersRequest{Markers: []kmsg.WriteTxnMarkersRequestMarker{{}}}
	for _, c := range []struct {
		what string
		req  kmsg.Request
		want []string
	}{
		{"a topic by name", named("asked"), []string{"denied DESCRIBE Topic:LITERAL:asked Metadata"}},
		{"a topic it may see", named("open"), []string{"allowed DESCRIBE Topic:LITERAL:open Metadata"}},
		{"a topic that is missing", named("missing"), []string{"denied DESCRIBE Topic:LITERAL:missing Metadata"}},
		{"all topics", &kmsg.MetadataRequest{}, []string{"allowed DESCRIBE Topic:LITERAL:open Metadata"}},
		{"all groups", &kmsg.ListGroupsRequest{}, nil},
		{"a group", &kmsg.DescribeGroupsRequest{Groups: []string{"g"}}, []string{"denied DESCRIBE Group:LITERAL:g DescribeGroups"}},
		{"a new topic", create, []string{"denied CREATE Topic:LITERAL:fresh CreateTopics"}},
		{"a producer", idempotent, nil},
		{"a transactional producer", transactional, []string{"denied WRITE TransactionalId:LITERAL:txn InitProducerID"}},
		{"markers", markers, []string{"denied CLUSTER_ACTION Cluster:LITERAL:kafka-cluster WriteTxnMarkers"}},
		{"users", &kmsg.DescribeUserSCRAMCredentialsRequest{}, []string{"denied DESCRIBE Cluster:LITERAL:kafka-cluster DescribeUserSCRAMCredentials"}},
	} {
		lines.take()
		if _, err := nobody.SeedBrokers()[0].Request(short(t), c.req); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		var want []string
		for _, w := range c.want {
			word := strings.Fields(w)
			level := map[string]string{"denied": "INFO", "allowed": "DEBUG"}[word[0]]
			want = append(want, fmt.Sprintf("level=%s msg=%s principal=User:ANONYMOUS operation=%s host=127.0.0.1 resource=%s request=%s", level, word[0], word[1], word[2], word[3]))
		}
		if got := lines.take(); !slices.Equal(got, want) {
			t.Errorf("%s: noted\n%s\nnot\n%s", c.what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
