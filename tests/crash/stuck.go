package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Clients that wait for an answer wait for stuckAfter, then are watched for as long again: one that asks and asks is stuck with the node, one that asks
// for nothing has lost its records by itself.
//
// The stock client does so up to v1.22.2: when a produce request dies while another request holds the next batch of a partition back until
// AddPartitionsToTxn is answered, and that fails as well, sink.undoStagedBatches puts the partition behind the batch that died. It is never sent again,
// the batches after it are refused as out of sequence, and neither the context nor new metadata ends the wait.
var (
	errStuck = errors.New("records wait for the node")
	errLost  = errors.New("records lost by the client")
)

const (
	// endMax is how long a client that is told to end may need: two waits of stuckAfter for its records, the end of a transaction, a new client.
	endMax = 4 * stuckAfter
	// idleLooks bounds how often a client without a request of its own dials or asks for metadata within stuckAfter.
	idleLooks = 4
)

// asked counts what a client asks for.
type asked struct{ requests, looks atomic.Int64 }

// OnBrokerWrite implements kgo.HookBrokerWrite.
func (a *asked) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	switch kmsg.Key(key) {
	case kmsg.ApiVersions, kmsg.Metadata:
		a.looks.Add(1)
	default:
		a.requests.Add(1)
	}
}

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (a *asked) OnBrokerConnect(kgo.BrokerMetadata, time.Duration, net.Conn, error) { a.looks.Add(1) }

// flight is records on their way.
type flight struct {
	mu   sync.Mutex
	left map[int32]int // by partition
	done chan struct{}
}

func newFlight() *flight { return &flight{left: map[int32]int{}, done: make(chan struct{})} }

func (f *flight) add(partition int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left[partition]++
}

// landed wraps what is told of a record's outcome.
func (f *flight) landed(told func(*kgo.Record, error)) func(*kgo.Record, error) {
	return func(r *kgo.Record, err error) {
		told(r, err)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.left[r.Partition]--; f.left[r.Partition] == 0 {
			delete(f.left, r.Partition)
		}
	}
}

// String names the partitions that wait.
func (f *flight) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var at []string
	for _, p := range slices.Sorted(maps.Keys(f.left)) {
		at = append(at, fmt.Sprintf("%d of partition %d", f.left[p], p))
	}
	return strings.Join(at, ", ")
}

// wait returns when done is closed, or who is to blame that it is not.
func (f *flight) wait(a *asked) error {
	if f.over() {
		return nil
	}
	requests, looks := a.requests.Load(), a.looks.Load()
	if f.over() {
		return nil
	}
	requests, looks = a.requests.Load()-requests, a.looks.Load()-looks
	if requests == 0 && looks <= idleLooks {
		return fmt.Errorf("%w: %s", errLost, f)
	}
	return fmt.Errorf("%w: %s; %d requests and %d looks in %s", errStuck, f, requests, looks, stuckAfter)
}

// over waits for done, for stuckAfter.
func (f *flight) over() bool {
	select {
	case <-f.done:
		return true
	case <-time.After(stuckAfter):
		return false
	}
}

// await waits for what ends when it is told to.
func await[T any](done <-chan T, what string) (T, error) {
	select {
	case v := <-done:
		return v, nil
	case <-time.After(endMax):
		var none T
		return none, fmt.Errorf("%s has not ended in %s", what, endMax)
	}
}

// evidenceMax is how long a node is asked what it does before it is killed.
const evidenceMax = 5 * time.Second

// bury ends a node whose run has failed; what it and this process were doing is kept in dir.
func (l *lives) bury(dir string) {
	if own, err := os.Create(filepath.Join(dir, "crash.goroutines")); err == nil {
		_ = errors.Join(pprof.Lookup("goroutine").WriteTo(own, 2), own.Close())
	}
	if l.node == nil {
		return
	}
	client := http.Client{Timeout: evidenceMax}
	for name, path := range map[string]string{"node.goroutines": "/debug/pprof/goroutine?debug=2", "node.metrics": "/metrics"} {
		resp, err := client.Get("http://" + l.node.HTTP + path)
		if err != nil {
			continue // it is dead
		}
		if body, err := io.ReadAll(resp.Body); err == nil {
			_ = os.WriteFile(filepath.Join(dir, name), body, 0o600)
		}
		_ = resp.Body.Close()
	}
	l.node.Kill()
}
