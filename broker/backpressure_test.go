package broker

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/wire"
)

// liveBytes is what the program's heap and stacks hold now, garbage aside.
func liveBytes() int64 {
	runtime.GC()
	runtime.GC() // what lies in pools goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

const (
	slowClients = 100
	// slowOwed and slowRequests are the listener's bounds in these tests; heldMax is what may be held at most: both, and for each client
	// an answer of the smallest size with the sockets' and readers' own memory.
	slowOwed     = 8 << 20
	slowRequests = 8 << 20
	heldMax      = slowOwed + slowRequests + slowClients*(64<<10+128<<10)
)

// TestClientsThatDoNotReadHoldLittle: hundreds of clients ask for all there is, again and again, and read nothing; the node's memory is bounded,
// and a client that reads gets everything. Long runs of a partition are sent from files, short ones of many partitions from memory.
func TestClientsThatDoNotReadHoldLittle(t *testing.T) {
	const records = 300
	for _, c := range []struct {
		name       string
		partitions int32
		bytes      int // of a record
	}{{"long runs", 1, 64 << 10}, {"short runs", 100, 16 << 10}} {
		t.Run(c.name, func(t *testing.T) {
			b := startBroker(t, func(o *Options) { o.Wire = wire.Options{OwedMax: slowOwed} })
			cl := connect(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			createTopic(t, cl, "much", c.partitions)
			value := []byte(strings.Repeat("x", c.bytes))
			var batch []*kgo.Record
			for i := range int32(records) {
				batch = append(batch, &kgo.Record{Topic: "much", Partition: i % c.partitions, Value: value})
			}
			if err := cl.ProduceSync(short(t), batch...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			asks := []byte(strings.Repeat(string(fetchAll("much", c.partitions)), 8))
			before := liveBytes()
			for range slowClients {
				conn := dialSlow(t, b)
				if _, err := conn.Write(asks); err != nil {
					t.Fatal(err)
				}
			}
			// The clients' requests are served when this one's are: they came first.
			consume(t, b, "much", records)
			if held := liveBytes() - before; held > heldMax {
				t.Errorf("%d clients that don't read hold %d MiB, %d are allowed", slowClients, held>>20, heldMax>>20)
			} else {
				t.Logf("%d clients that don't read hold %d MiB", slowClients, held>>20)
			}
		})
	}
}

// fetchAll is a request for everything in a topic.
func fetchAll(topic string, partitions int32) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(12)
	req.MaxBytes, req.MinBytes = 100<<20, 1
	ask := kmsg.NewFetchRequestTopic()
	ask.Topic = topic
	for i := range partitions {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.PartitionMaxBytes = i, 100<<20
		ask.Partitions = append(ask.Partitions, p)
	}
	req.Topics = append(req.Topics, ask)
	return kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)
}

// TestHalfRequestsHoldLittle: hundreds of clients begin large requests and stop; memory is bounded, and small requests are still served.
func TestHalfRequestsHoldLittle(t *testing.T) {
	b := startBroker(t, func(o *Options) {
		o.Wire = wire.Options{MemoryMax: slowRequests, RequestBytesMax: 4 << 20, FrameTimeout: time.Minute}
	})
	cl := connect(t, b)
	createTopic(t, cl, "served", 1)
	before := liveBytes()
	half := binary.BigEndian.AppendUint32(nil, 3<<20)
	half = append(half, 0, 0, 0, 9, 0, 0, 0, 1, 0, 1, 'x') // Produce v9
	half = append(half, make([]byte, 32<<10)...)
	for range slowClients {
		if _, err := dialSlow(t, b).Write(half); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 20 {
				r := &kgo.Record{Topic: "served", Value: []byte(fmt.Sprint(i, j))}
				if err := cl.ProduceSync(short(t), r).FirstErr(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	consume(t, b, "served", 80)
	if held := liveBytes() - before; held > heldMax {
		t.Errorf("%d half requests hold %d MiB, %d are allowed", slowClients, held>>20, heldMax>>20)
	} else {
		t.Logf("%d half requests hold %d MiB", slowClients, held>>20)
	}
}

// dialSlow connects a client with a small receive buffer, so that what isn't read stays with the broker.
func dialSlow(t testing.TB, b *Broker) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
