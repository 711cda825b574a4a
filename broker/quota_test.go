package broker

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// quotaScript is a client with a consumer quota of a topic of its own, on ours or on a real broker (FRESHET_TEST_ORACLE).
type quotaScript struct {
	*rawClient
	topic string
	id    [16]byte
}

// newQuotaScript makes a topic of so many batches of 1,000 bytes and bounds a client called as it.
func newQuotaScript(t *testing.T, batches int, quotas map[string]float64) *quotaScript {
	s := &quotaScript{rawClient: dialRaw(t, oracle(t)), topic: fmt.Sprintf("quota-%d", rand.Uint32())}
	s.name = s.topic
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = s.topic, 1, 1
	create.Topics, create.TimeoutMillis = append(create.Topics, topic), 10_000
	s.id = s.ask(create, 7).(*kmsg.CreateTopicsResponse).Topics[0].TopicID
	for range batches {
		req := kmsg.NewPtrProduceRequest()
		req.Acks, req.TimeoutMillis = -1, 10_000
		req.Topics = []kmsg.ProduceRequestTopic{{Topic: s.topic, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: batchOf(strings.Repeat("v", 930))}}}}
		for s.ask(req, 9).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode != 0 { // a real broker's leader isn't ready at once
			time.Sleep(10 * time.Millisecond)
		}
	}
	s.quota(quotas, false)
	t.Cleanup(func() { s.quota(quotas, true) })
	return s
}

func (s *quotaScript) quota(quotas map[string]float64, remove bool) {
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	entry.Entity = []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "client-id", Name: &s.topic}}
	for key, value := range quotas {
		entry.Ops = append(entry.Ops, kmsg.AlterClientQuotasRequestEntryOp{Key: key, Value: value, Remove: remove})
	}
	req := &kmsg.AlterClientQuotasRequest{Entries: []kmsg.AlterClientQuotasRequestEntry{entry}}
	if code := s.ask(req, 1).(*kmsg.AlterClientQuotasResponse).Entries[0].ErrorCode; code != 0 {
		s.t.Fatal(code)
	}
}

// fetch asks for everything from an offset; offset -1 leaves the partition to the session.
func (s *quotaScript) fetch(session, epoch int32, offset int64) *kmsg.FetchResponse {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MinBytes, req.MaxBytes, req.MaxWaitMillis, req.SessionID, req.SessionEpoch = -1, 1, 2500, 500, session, epoch
	if offset >= 0 {
		p := kmsg.NewFetchRequestTopicPartition()
		p.FetchOffset, p.PartitionMaxBytes = offset, 1<<20
		req.Topics = []kmsg.FetchRequestTopic{{Topic: s.topic, TopicID: s.id, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
	}
	return s.ask(req, 13).(*kmsg.FetchResponse)
}

// recordsOf tells how many bytes of records an answer brought.
func recordsOf(r *kmsg.FetchResponse) int {
	bytes := 0
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			bytes += len(p.RecordBatches)
		}
	}
	return bytes
}

// TestThrottledFetch: an answer that would be more than the quota's windows have left is empty, says for how long the client waits, and leaves
// the session as it was; its bytes don't count.
func TestThrottledFetch(t *testing.T) {
	const batch = 1000
	s := newQuotaScript(t, 30, map[string]float64{"consumer_byte_rate": 2 * batch})
	var session, epoch int32
	var throttled time.Duration
	fetched := 0
	for throttled == 0 && epoch < 30 {
		got := s.fetch(session, epoch, int64(fetched/batch))
		switch {
		case got.ErrorCode != 0 || got.SessionID == 0 || (session != 0 && got.SessionID != session):
			t.Fatalf("epoch %d of session %d: %+v", epoch, session, got)
		case got.ThrottleMillis > 0 && (len(got.Topics) > 0 || epoch == 0):
			t.Fatalf("throttled with an answer: %+v", got)
		}
		session, epoch, throttled = got.SessionID, epoch+1, time.Duration(got.ThrottleMillis)*time.Millisecond
		fetched += recordsOf(got)
	}
	// Ten windows of a second, and the present one as far as it has gone.
	if fetched < 17*batch || fetched > 22*batch {
		t.Errorf("fetched %d bytes at 2,000 a second before it had to wait", fetched)
	}
	muted := time.Now()
	other := &quotaScript{rawClient: dialRaw(t, s.conn.RemoteAddr().String()), topic: s.topic}
	other.quota(map[string]float64{"consumer_byte_rate": 0}, true)
	again := s.fetch(session, epoch, -1)
	if recordsOf(again) == 0 || again.ThrottleMillis != 0 || again.SessionID != session {
		t.Errorf("without the quota: %+v", again)
	}
	if took := time.Since(muted); took < throttled-100*time.Millisecond || throttled > 10*time.Second {
		t.Errorf("told to wait for %v, left unread for %v", throttled, took)
	}
}
