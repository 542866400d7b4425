import http.server,sys,time,json
class H(http.server.BaseHTTPRequestHandler):
    protocol_version='HTTP/1.1'
    n=0
    def do_GET(s):
        H.n+=1
        time.sleep(0.02)
        ok = H.n>6
        b=json.dumps({"status":"ok" if ok else "starting"}).encode()
        s.send_response(200 if ok or s.path!='/health' else 503); s.send_header('content-length',str(len(b))); s.end_headers(); s.wfile.write(b)
    def do_POST(s):
        l=int(s.headers.get('content-length',0)); s.rfile.read(l); s.do_GET()
    do_PUT=do_DELETE=do_POST
    def log_message(s,*a): pass
http.server.ThreadingHTTPServer(('127.0.0.1',18777),H).serve_forever()
