// Program decode asks a broker every API at every version it advertises, once with an empty request and once with one that names
// things that exist and things that do not, and writes the answers down for Decode.java, which reads them with Kafka's own classes:
// a line an answer, "KEY VERSION SHAPE HEX", where HEX is the frame without its size, "-" if the broker closed the connection instead,
// "!" if it did not answer, and "?" if the version is newer than this program.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// answerTimeout is how long an answer may take.
	answerTimeout = 8 * time.Second
	// answerMaxBytes bounds an answer; nothing that is asked here has a larger one.
	answerMaxBytes = 64 << 20
	// setupTimeout bounds making what the requests name.
	setupTimeout = time.Minute
)

func main() {
	broker := flag.String("broker", "127.0.0.1:9092", "the broker's address")
	flag.Parse()
	if err := run(*broker, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "decode:", err)
		os.Exit(1)
	}
}

func run(broker string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	run := time.Now().UnixNano()
	n := &names{topic: fmt.Sprintf("walked-%d", run), group: fmt.Sprintf("walkers-%d", run), txn: fmt.Sprintf("walking-%d", run)}
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(n.topic), kgo.ConsumeTopics(n.topic), kgo.ConsumerGroup(n.group))
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := n.setUp(ctx, cl); err != nil {
		return err
	}
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	lines := bufio.NewWriter(out)
	a := &asker{broker: broker}
	defer a.hangUp()
	for _, api := range versions.ApiKeys {
		for version := api.MinVersion; version <= api.MaxVersion; version++ {
			for _, shape := range []string{"empty", "filled"} {
				req := kmsg.RequestForKey(api.ApiKey)
				if shape == "empty" && unanswered(api.ApiKey, version) {
					continue
				}
				if req == nil || version > req.MaxVersion() {
					fmt.Fprintf(lines, "%d %d %s ?\n", api.ApiKey, version, shape)
					continue
				}
				req.SetVersion(version)
				n.fill(req, shape == "filled")
				frame, err := a.ask(req)
				if err != nil {
					return fmt.Errorf("%s v%d, %s: %w", kmsg.NameForKey(api.ApiKey), version, shape, err)
				}
				fmt.Fprintf(lines, "%d %d %s %s\n", api.ApiKey, version, shape, frame)
			}
		}
	}
	return lines.Flush()
}

// unanswered are the APIs whose empty request Kafka itself never answers: AddPartitionsToTxn between brokers answers when the last of its
// transactions is done.
func unanswered(key, version int16) bool {
	return key == int16(kmsg.AddPartitionsToTxn) && version >= 4
}

// setUp makes the topic, with records, the group, with offsets, and a producer id for the transactional id.
func (n *names) setUp(ctx context.Context, cl *kgo.Client) error {
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = n.topic, 2, 1
	create.Topics, create.TimeoutMillis = append(create.Topics, topic), 10_000
	created, err := create.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(created.Topics[0].ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return err
	}
	for range 10 {
		if err := cl.ProduceSync(ctx, kgo.StringRecord("value")).FirstErr(); err != nil {
			return err
		}
	}
	if fetches := cl.PollFetches(ctx); fetches.Err() != nil {
		return fetches.Err()
	}
	if err := cl.CommitUncommittedOffsets(ctx); err != nil {
		return err
	}
	producer := kmsg.NewPtrInitProducerIDRequest()
	producer.TransactionalID, producer.TransactionTimeoutMillis = new(n.txn), 60_000
	given, err := producer.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(given.ErrorCode)
	}
	if err != nil {
		return err
	}
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Topics = []kmsg.MetadataRequestTopic{{Topic: new(n.topic)}}
	described, err := metadata.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	n.topicID = described.Topics[0].TopicID
	return nil
}

// asker asks one request at a time, on a new connection when the broker closed the last.
type asker struct {
	broker string
	conn   net.Conn
	in     *bufio.Reader
	asked  int32
}

func (a *asker) hangUp() {
	if a.conn != nil {
		_ = a.conn.Close() // there is nobody left to tell
		a.conn = nil
	}
}

// ask returns the answer's frame in hexadecimal, or the sign of why there is none.
func (a *asker) ask(req kmsg.Request) (string, error) {
	if a.conn == nil {
		conn, err := net.Dial("tcp", a.broker)
		if err != nil {
			return "", err
		}
		a.conn, a.in = conn, bufio.NewReader(conn)
	}
	if err := a.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return "", err
	}
	a.asked++
	frame, err := a.exchange(req)
	switch {
	case err == nil:
		return hex.EncodeToString(frame), nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		a.hangUp()
		return "!", nil
	default:
		a.hangUp()
		return "-", nil
	}
}

func (a *asker) exchange(req kmsg.Request) ([]byte, error) {
	if _, err := a.conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("walker")).AppendRequest(nil, req, a.asked)); err != nil {
		return nil, err
	}
	return readFrame(a.in)
}

func readFrame(in io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > answerMaxBytes {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(in, frame)
	return frame, err
}
