// go-coap answering the same heartbeat as the manager: the report is kept in a map by node, the answer is an empty 2.04.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	coap "github.com/plgd-dev/go-coap/v3"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/mux"
)

func main() {
	var runs atomic.Int64
	var lock sync.Mutex
	reports := map[string][]byte{}
	big := bytes.Repeat([]byte("0123456789abcdef"), 65536)
	router := mux.NewRouter()
	handle := func(path string, handler mux.HandlerFunc) {
		if err := router.Handle(path, handler); err != nil {
			panic(err)
		}
	}
	handle("/status", func(w mux.ResponseWriter, r *mux.Message) {
		runs.Add(1)
		node := ""
		queries, _ := r.Options().Queries()
		for _, query := range queries {
			if strings.HasPrefix(query, "ep=") {
				node = query[3:]
			}
		}
		var report []byte
		if r.Body() != nil {
			report, _ = io.ReadAll(r.Body())
		}
		lock.Lock()
		reports[node] = report
		lock.Unlock()
		_ = w.SetResponse(codes.Changed, message.TextPlain, nil)
	})
	handle("/count", func(w mux.ResponseWriter, r *mux.Message) {
		_ = w.SetResponse(codes.Content, message.TextPlain, strings.NewReader(fmt.Sprint(runs.Load())))
	})
	handle("/big", func(w mux.ResponseWriter, r *mux.Message) {
		_ = w.SetResponse(codes.Content, message.AppOctets, bytes.NewReader(big))
	})
	fmt.Println("ready")
	panic(coap.ListenAndServe("udp", "127.0.0.1:"+os.Args[1], router))
}
